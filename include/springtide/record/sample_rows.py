"""The samples of metrics in a SQL database: each goes up, becomes another, or goes, in the transaction of its fact."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import select

from springtide.record.samples import Change, Key, Labels, Total, applied
from springtide.record.tables import TotalRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from springtide.record.samples import Look


def count_sample(session: Session, change: Change) -> None:
    """Change one sample."""
    name, labels = _row_key(change.key)
    row = session.get(TotalRow, (name, labels))
    if row is None:
        session.add(TotalRow(name=name, labels=labels, value=applied(change, None)))
    else:
        row.value = applied(change, row.value)


def take_look(session: Session, look: Look) -> None:
    """Change the samples by what somebody saw."""
    for step in list(look(_Samples(session))):  # all of them first: a look sees what was there before it
        if isinstance(step, Change):
            count_sample(session, step)
        elif (row := session.get(TotalRow, _row_key(step.key))) is not None:
            session.delete(row)


def total_of(row: TotalRow) -> Total:
    """Return the sample that a row holds."""
    labels: Labels = tuple((name, value) for name, value in json.loads(row.labels))
    return Total(row.name, labels, row.value)


class _Samples(Mapping[Key, float]):
    """Every sample's present value, read when somebody asks for one: most looks do not, and a fleet has thousands."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def _values(self) -> dict[Key, float]:
        totals = map(total_of, self._session.scalars(select(TotalRow)))
        return {(total.name, total.labels): total.value for total in totals}

    def __getitem__(self, key: Key) -> float:
        return self._values[key]

    def __iter__(self) -> Iterator[Key]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _row_key(key: Key) -> tuple[str, str]:
    return key[0], json.dumps(key[1], ensure_ascii=False)  # escaped, a name would take six times its letters
