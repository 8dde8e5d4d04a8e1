"""How much a PostgreSQL holds: the rows of each table, and its bytes on disk with indexes and what is stored aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import psycopg
from psycopg import sql

_TABLES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


@dataclass(frozen=True, slots=True)
class TableSize:
    """What one table holds; of a difference, by how much it grew."""

    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the tables of one database hold."""

    tables: Mapping[str, TableSize]

    def since(self, before: Self) -> Sizes:
        """Return by how much each table grew."""
        nothing = TableSize(0, 0)
        pairs = {name: (size, before.tables.get(name, nothing)) for name, size in self.tables.items()}
        return Sizes(
            {name: TableSize(now.rows - was.rows, now.bytes - was.bytes) for name, (now, was) in pairs.items()}
        )

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(size.rows for size in self.tables.values())

    @property
    def bytes(self) -> int:
        """The bytes of all tables."""
        return sum(size.bytes for size in self.tables.values())

    def largest(self, number: int) -> str:
        """Return the names of the largest tables, with their rows and KiB."""
        ordered = sorted(self.tables.items(), key=lambda item: -item[1].bytes)
        told = [f"{name} {size.rows} rows {size.bytes / 1024:.0f} KiB" for name, size in ordered if size.bytes > 0]
        return ", ".join(told[:number])


def sizes_of(url: str) -> Sizes:
    """Return what the database at `url` holds, after a vacuum: what is dead does not count as growth."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("VACUUM")
        tables = connection.execute(_TABLES).fetchall()
        counts = {name: _count(connection, name) for name, _ in tables}
    return Sizes({name: TableSize(counts[name], size) for name, size in tables})


def _count(connection: psycopg.Connection, table: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    (number,) = connection.execute(query).fetchone() or (0,)
    return int(number)
