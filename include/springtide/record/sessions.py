"""Sessions of a SQL store: what every part of it reads and writes in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy.orm import Session

from springtide.record.database import translated, writing

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


class SqlSessions:
    """Opens sessions; the database library's errors become springtide's at their end."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = Lock()

    @contextmanager
    def _reading(self) -> Iterator[Session]:
        with translated(self._engine), Session(self._engine) as session:
            yield session

    @contextmanager
    def _looking(self) -> Iterator[Connection]:
        """Open what statements that never change read by, without what a session costs."""
        with translated(self._engine), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        # The database lets one writer in at a time: threads of one process that ask it in turn do not poll its lock.
        with self._turn, translated(self._engine), writing(self._engine) as connection, Session(connection) as session:
            yield session
            session.flush()
