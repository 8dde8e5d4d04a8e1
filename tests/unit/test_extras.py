"""What a package that is not installed becomes: an error that says what to install, wherever it is missed."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from springtide.capacity.forecast import Fitting
from springtide.capacity.minutes import DAY, Minutes
from springtide.demand.expectations import judge_day
from springtide.demand.file import FileSource
from springtide.demand.model import DemandSeries
from springtide.errors import PermanentError
from springtide.extras import require_packages, requires_extra
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.policy.scaling.demand import FileDemand
from springtide.record.sql import open_store
from springtide.verify.database import PostgresDatabases

MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)


class Uninstalled(importlib.abc.MetaPathFinder):
    """Finds nothing where `package` is looked for, and leaves the rest to the others."""

    def __init__(self, package: str) -> None:
        self._package = package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        del path, target
        if fullname.partition(".")[0] == self._package:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


@pytest.fixture
def uninstall(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def without(package: str) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0] == package]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setattr(sys, "meta_path", [Uninstalled(package), *sys.meta_path])

    return without


def fit_a_forecast(_folder: Path) -> None:
    Fitting().fit(Minutes(0.0, np.ones(21 * DAY)))


def judge_a_day(_folder: Path) -> None:
    day = DemandSeries(times=np.arange(300.0), values=np.ones(300), unit="requests/s", source="test")
    judge_day(day, FileDemand(path="day.csv", unit="requests/s"), start=MIDNIGHT)


def read_parquet(folder: Path) -> None:
    path = folder / "day.parquet"
    path.touch()
    FileSource(path, "requests/s", name=path.name).read(MIDNIGHT, MIDNIGHT + timedelta(days=1), timedelta(minutes=1))


def open_postgresql(_folder: Path) -> None:
    open_store("postgresql://nobody@localhost/none")


def look_at_database(_folder: Path) -> None:
    PostgresDatabases(lambda _name: "postgresql://nobody@localhost/none").look(
        DatabaseCheck(name="orders", connection="orders")
    )


@pytest.mark.parametrize(
    ("package", "extra", "use"),
    [
        ("statsforecast", "forecast", fit_a_forecast),
        ("great_expectations", "quality", judge_a_day),
        ("pyarrow", "parquet", read_parquet),
        ("psycopg", "postgresql", open_postgresql),
        ("psycopg", "postgresql", look_at_database),
    ],
    ids=["forecast", "quality", "parquet", "store", "database"],
)
def test_what_needs_an_extra_that_is_not_installed_names_it(
    package: str, extra: str, use: Callable[[Path], None], uninstall: Callable[[str], None], tmp_path: Path
) -> None:
    uninstall(package)

    with pytest.raises(PermanentError) as caught:
        use(tmp_path)

    assert (caught.value.code, caught.value.field) == ("extra_missing", extra)
    assert f"pip install 'springtide[{extra}]'" in caught.value.message


def test_an_extra_is_looked_for_without_importing_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "plotly", raising=False)

    require_packages("plots", "plotly")

    assert "plotly" not in sys.modules


def test_a_missing_extra_is_found_without_importing_it() -> None:
    with pytest.raises(PermanentError, match=r"springtide\[plots\]"):
        require_packages("plots", "no_such_package_of_anybody")


def test_other_errors_of_an_import_stay_what_they_are() -> None:
    with pytest.raises(ImportError, match="half installed"), requires_extra("plots"):
        raise ImportError("half installed")
