"""A whole day of demand judged by great-expectations, with pages for people.

The rules and their limits are those of `quality`, which every run asks; here they are asked of 288 five-minute maxima,
and of every moment of the day for a sudden fall. It takes four seconds to import: only `capacity_history` calls it.
"""

from __future__ import annotations

import math
import shutil
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from springtide.demand.kept_pages import PAGES_KEPT, forget_pages
from springtide.demand.model import DemandSeries
from springtide.demand.sudden_drop import SLOT, fallen_from
from springtide.demand.verdict import QualityFinding, QualityOutcome, QualityVerdict
from springtide.extras import requires_extra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pandas import DataFrame

    from springtide.policy.scaling.demand import FileDemand, PrometheusDemand

DAY = timedelta(days=1)
SLOTS = round(DAY.total_seconds() / SLOT)
_NAME = "demand"
_STATIC = "static"
_VIEWS = {"module_name": "springtide.demand.page_views"}
_PAGE = {"class_name": "DayPage"}
_INDEX = {"class_name": "IndexOfDays"}


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict, and the page that shows it; no page where none was asked for."""

    verdict: QualityVerdict
    page: str | None = None


def judge_day(
    series: DemandSeries,
    spec: PrometheusDemand | FileDemand,
    *,
    start: datetime,
    pages: Path | None = None,
    kept: timedelta = PAGES_KEPT,
) -> Judged:
    """Return the verdict on the five-minute maxima of the day that begins at `start`.

    With `pages` a site is kept in that folder: one page a day, written over when the day is judged again, until it is
    `kept` long enough; its `index.html` shows the day that was judged last. The folder above it keeps what the pages of
    all services share.
    """
    if pages is None:
        return Judged(_verdict(series, spec, start, site=None))
    with TemporaryDirectory(prefix="springtide-pages-") as site:
        verdict = _verdict(series, spec, start, site=site)
        # a site is cleared when it is built: what it holds is laid beside the pages of the other days
        _share(Path(site) / _STATIC, pages)
        shutil.copytree(site, pages, dirs_exist_ok=True)
    forget_pages(pages / "validations" / _NAME, kept)
    return Judged(verdict, _page(pages, start))


def _share(fonts: Path, pages: Path) -> None:
    """Keep fonts and images once for the pages of all services: four megabytes, which great-expectations gives each.

    Where they cannot be shared, because there are no links or the pages have them already, they stay where they are.
    """
    name = f".{_STATIC}-{version('great-expectations')}"
    pages.mkdir(parents=True, exist_ok=True)
    shutil.copytree(fonts, pages.parent / name, dirs_exist_ok=True, copy_function=_copy_once)
    with suppress(OSError):
        pages.joinpath(_STATIC).symlink_to(Path("..") / name, target_is_directory=True)
    if pages.joinpath(_STATIC).is_symlink():
        shutil.rmtree(fonts)


def _copy_once(source: str, target: str) -> None:
    if not Path(target).exists():
        shutil.copy2(source, target)


def _verdict(
    series: DemandSeries, spec: PrometheusDemand | FileDemand, start: datetime, *, site: str | None
) -> QualityVerdict:
    with requires_extra("quality"):
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

    # Ephemeral: nothing is kept between days but the pages, so no store of its own can be damaged or grow.
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    rules = list(_rules(spec, start))
    suite = context.suites.add(
        gx.ExpectationSuite(
            name=_NAME,
            expectations=[
                getattr(gx.expectations, kind)(**limits, meta={"rule": rule, "outcome": outcome.value})
                for rule, outcome, kind, limits in rules
            ],
        )
    )
    batch = (
        context.data_sources.add_pandas(_NAME).add_dataframe_asset(_NAME).add_batch_definition_whole_dataframe("day")
    )
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=_NAME, data=batch, suite=suite))
    actions = [] if site is None else [_site(context, site)]
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(name=_NAME, validation_definitions=[definition], actions=actions)
    )
    run = gx.RunIdentifier(run_name=f"{start:%Y-%m-%d}", run_time=start)
    result = checkpoint.run(batch_parameters={"dataframe": _frame(series, start)}, run_id=run)
    results = [single for whole in result.run_results.values() for single in whole.results]
    return QualityVerdict(tuple(_finding(single) for single in results if not single.success))


def _rules(
    spec: PrometheusDemand | FileDemand, start: datetime
) -> Iterator[tuple[str, QualityOutcome, str, dict[str, Any]]]:
    """Yield each rule: its name, what becomes of demand that breaks it, the expectation, and its limits."""
    quality = spec.quality
    end = (start + DAY).timestamp()
    # 1e-9: 95 % of 288 is 273.6, and 100 % must stay 288 whatever the float says
    enough = math.ceil(SLOTS * (1 - quality.max_missing) - 1e-9)
    yield "empty", QualityOutcome.REFUSE, "ExpectTableRowCountToBeBetween", {"min_value": 1}
    yield "gaps", QualityOutcome.HOLD, "ExpectTableRowCountToBeBetween", {"min_value": enough}
    yield "duplicates", QualityOutcome.REFUSE, "ExpectColumnValuesToBeUnique", {"column": "slot"}
    yield "range", QualityOutcome.REFUSE, "ExpectColumnValuesToNotBeNull", {"column": "value"}
    limits = {"column": "value", "min_value": 0, "max_value": quality.at_most}
    yield "range", QualityOutcome.REFUSE, "ExpectColumnValuesToBeBetween", limits
    # Spacing and gaps are two rules: a day may have all its rows and still lack an afternoon, where others stand twice.
    spacing = {"column": "spacing", "max_value": SLOT, "mostly": max(0.0, 1 - float(quality.max_missing))}
    yield "spacing", QualityOutcome.HOLD, "ExpectColumnValuesToBeBetween", spacing
    newest = {"column": "time", "min_value": end - SLOT - quality.max_age.total_seconds(), "max_value": end}
    yield "freshness", QualityOutcome.HOLD, "ExpectColumnMaxToBeBetween", newest
    if float(quality.sudden_fall) < 1:
        fall = {"column": "fall", "max_value": float(quality.sudden_fall)}
        yield "sudden_fall", QualityOutcome.HOLD, "ExpectColumnValuesToBeBetween", fall


def _frame(series: DemandSeries, start: datetime) -> DataFrame:
    import pandas as pd

    times = series.times
    values = np.where(np.isfinite(series.values), series.values, np.nan)
    first = start.timestamp() - SLOT  # so that a day that begins late has its gap, too
    return pd.DataFrame(
        {
            "time": times,
            "slot": (times - start.timestamp()) // SLOT,
            "value": values,
            "spacing": np.diff(times, prepend=first if len(times) else np.empty(0)),
            "fall": [_fall(series, row) for row in range(len(times))],
        }
    )


def _fall(series: DemandSeries, row: int) -> float:
    """Return the share that demand had suddenly lost at this row; only falls of a tenth and more are looked at."""
    times = series.times
    values = series.values  # noqa: PD011  # an array
    value = float(values[row])
    # What a run at that moment would have seen: demand up to this row.
    known = DemandSeries(times=times[: row + 1], values=values[: row + 1], unit=series.unit, source=series.source)
    level = fallen_from(known, 0.1, float(series.times[row]))
    return 0.0 if level is None or not math.isfinite(value) else max(0.0, 1 - value / level)


def _finding(result: Any) -> QualityFinding:
    config = result.expectation_config
    observed = {
        key: value
        for key, value in result.result.items()
        if key in {"observed_value", "unexpected_count", "unexpected_percent", "partial_unexpected_list"}
    }
    limits = {key: value for key, value in config.kwargs.items() if key not in {"batch_id", "column"}}
    observation = ", ".join(f"{key} {str(value)[:80]}" for key, value in observed.items())
    expected = ", ".join(f"{key} {value}" for key, value in limits.items() if value is not None)
    column = config.kwargs.get("column", "rows")
    message = f"{config.type} of {column} ({expected or 'no limits'}): {observation or 'no sample'}"
    return QualityFinding(config.meta["rule"], QualityOutcome(config.meta["outcome"]), message)


def _site(context: Any, folder: str) -> Any:
    with requires_extra("quality"):
        from great_expectations.checkpoint.actions import UpdateDataDocsAction

    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": folder}
    builder = {"class_name": "DefaultSiteIndexBuilder", "show_cta_footer": False, "view": _VIEWS | _INDEX}
    sections = {name: {"view": _VIEWS | _PAGE} for name in ("expectations", "validations", "profiling")}
    config = {"store_backend": store, "site_index_builder": builder, "site_section_builders": sections}
    context.add_data_docs_site(site_name=_NAME, site_config={"class_name": "SiteBuilder"} | config)
    return UpdateDataDocsAction(name="pages", site_names=[_NAME])


def _page(pages: Path, start: datetime) -> str | None:
    """Return the newest page of the day; its folder is called as the run of the validation."""
    day_pages = sorted(
        pages.glob(f"validations/{_NAME}/{start:%Y-%m-%d}/**/*.html"), key=lambda page: page.stat().st_mtime
    )
    return str(day_pages[-1]) if day_pages else None
