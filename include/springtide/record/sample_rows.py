"""The samples of metrics in a SQL database: each goes up, becomes another, or goes, in the transaction of its fact."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Table, bindparam, delete, insert, select, tuple_, update

from springtide.record.samples import Change, Gone, Key, Labels, Total, applied
from springtide.record.tables import TotalRow

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from springtide.record.samples import Look

_RowKey = tuple[str, str]

_TOTALS: Final = cast("Table", TotalRow.__table__)
_KEY: Final = (_TOTALS.c.name == bindparam("its_name")) & (_TOTALS.c.labels == bindparam("its_labels"))
_SOME: Final = select(_TOTALS).where(tuple_(_TOTALS.c.name, _TOTALS.c.labels).in_(bindparam("keys", expanding=True)))
_MORE: Final = insert(_TOTALS)
_OTHER: Final = update(_TOTALS).where(_KEY).values(value=bindparam("its_value"))
_FEWER: Final = delete(_TOTALS).where(_KEY)


def change_samples(session: Session, steps: Iterable[Change | Gone]) -> None:
    """Change samples, in the order of `steps`; no other writer may be at work.

    A phase of a run changes a dozen, so they are read and written by a statement each, and not as objects.
    """
    taken = list(steps)  # all of them first: a look sees what was there before it
    if not taken:
        return
    connection = session.connection()
    keys = {_row_key(step.key) for step in taken}
    before: dict[_RowKey, float] = {
        (row.name, row.labels): row.value for row in connection.execute(_SOME, {"keys": sorted(keys)})
    }
    after: dict[_RowKey, float | None] = dict(before)
    for step in taken:
        key = _row_key(step.key)
        after[key] = applied(step, after.get(key)) if isinstance(step, Change) else None
    new = [(key, value) for key, value in after.items() if value is not None and key not in before]
    other = [(key, value) for key, value in after.items() if value is not None and before.get(key, value) != value]
    gone = [key for key, value in after.items() if value is None and key in before]
    if new:
        connection.execute(_MORE, [{"name": key[0], "labels": key[1], "value": value} for key, value in new])
    if other:
        connection.execute(_OTHER, [_named(key) | {"its_value": value} for key, value in other])
    if gone:
        connection.execute(_FEWER, [_named(key) for key in gone])


def take_look(session: Session, look: Look) -> None:
    """Change the samples by what somebody saw."""
    change_samples(session, look(_Samples(session)))


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


def _row_key(key: Key) -> _RowKey:
    return key[0], json.dumps(key[1], ensure_ascii=False)  # escaped, a name would take six times its letters


def _named(key: _RowKey) -> dict[str, Any]:
    return {"its_name": key[0], "its_labels": key[1]}
