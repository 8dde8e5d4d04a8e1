"""A day as great-expectations judges it: the same outcome as the rules that every run asks."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from springtide.demand.expectations import SLOTS, judge_day
from springtide.demand.model import DemandSeries
from springtide.demand.quality import judge
from springtide.demand.verdict import QualityOutcome
from springtide.policy.scaling.demand import PrometheusDemand

# great-expectations asks the standard library for modules that it calls deprecated
pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_[a-z]+' is deprecated:DeprecationWarning")

START = datetime(2026, 11, 10, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
SPEC = PrometheusDemand.model_validate(
    {
        "query": "x", "unit": "requests/s", "lookback": "1d", "step": "5m",
        "quality": {"max_age": "10m", "at_most": 500},
    }
)  # fmt: skip


def day(*, without: range = range(0), values: dict[int, float] | None = None) -> DemandSeries:
    """Return a day of 100 in five-minute maxima."""
    numbers = np.full(SLOTS, 100.0)
    for slot, value in (values or {}).items():
        numbers[slot] = value
    kept = [slot for slot in range(SLOTS) if slot not in without]
    times = START.timestamp() + 300.0 * np.arange(SLOTS, dtype=np.float64)
    return DemandSeries(times=times[kept], values=numbers[kept], unit="requests/s", source="test")


CASES = [
    pytest.param(day(), QualityOutcome.PASS, set(), id="whole"),
    pytest.param(day(values=dict.fromkeys(range(SLOTS), 0.0)), QualityOutcome.PASS, set(), id="zero"),
    pytest.param(day(without=range(100, 124)), QualityOutcome.HOLD, {"gaps"}, id="two hours missing"),
    pytest.param(day(without=range(100, 110)), QualityOutcome.PASS, set(), id="a restart"),
    pytest.param(day(without=range(280, 288)), QualityOutcome.HOLD, {"freshness"}, id="ended early"),
    pytest.param(day(without=range(SLOTS)), QualityOutcome.REFUSE, {"empty"}, id="nothing"),
    pytest.param(day(values={7: float("nan")}), QualityOutcome.REFUSE, {"range"}, id="NaN"),
    pytest.param(day(values={7: -1.0}), QualityOutcome.REFUSE, {"range"}, id="negative"),
    pytest.param(day(values={7: 501.0}), QualityOutcome.REFUSE, {"range"}, id="beyond belief"),
    pytest.param(day(values=dict.fromkeys(range(200, 288), 0.0)), QualityOutcome.HOLD, {"sudden_fall"}, id="vanished"),
]


@pytest.mark.parametrize(("series", "outcome", "rules"), CASES)
def test_both_gates_say_the_same(series: DemandSeries, outcome: QualityOutcome, rules: set[str]) -> None:
    verdict = judge_day(series, SPEC, start=START).verdict

    assert (verdict.outcome, judge(series, SPEC, now=START + timedelta(days=1)).outcome) == (outcome, outcome)
    assert rules <= {finding.rule for finding in verdict.findings}


def test_an_outage_at_noon_that_is_over_is_seen_in_the_day() -> None:
    verdict = judge_day(day(values=dict.fromkeys(range(144, 168), 0.0)), SPEC, start=START).verdict

    assert [finding.rule for finding in verdict.findings] == ["sudden_fall"]
    assert "unexpected_count 24" in verdict.message


def test_a_time_that_stands_twice_is_refused() -> None:
    once = day()
    twice = DemandSeries(
        times=np.insert(once.times, 5, once.times[5]),
        values=np.insert(once.values, 5, 1.0),
        unit=once.unit,
        source="test",
    )

    assert judge_day(twice, SPEC, start=START).verdict.outcome is QualityOutcome.REFUSE


def test_pages_are_kept_one_a_day_however_often_it_is_judged(tmp_path: Path) -> None:
    days = [START, START, START + timedelta(days=1)]

    day_pages = [judge_day(day(), SPEC, start=start, pages=tmp_path).page for start in days]

    assert day_pages[0] == day_pages[1] != day_pages[2]
    assert day_pages[0] is not None
    assert "expect_column" in Path(day_pages[0]).read_text() or "values must" in Path(day_pages[0]).read_text()
    assert (tmp_path / "index.html").is_file()
    assert len(list(tmp_path.glob("validations/**/*.html"))) == 2


def test_the_pages_of_two_services_share_their_fonts_and_images(tmp_path: Path) -> None:
    for name in ("web", "web", "db"):
        judge_day(day(), SPEC, start=START, pages=tmp_path / name)

    fonts = [(tmp_path / name / "static").resolve() for name in ("web", "db")]
    assert fonts[0] == fonts[1]
    assert fonts[0].parent == tmp_path
    assert next(fonts[0].rglob("*.css"), None) is not None


def test_pages_that_have_fonts_of_their_own_keep_them(tmp_path: Path) -> None:
    (tmp_path / "web" / "static").mkdir(parents=True)

    judge_day(day(), SPEC, start=START, pages=tmp_path / "web")

    assert not (tmp_path / "web" / "static").is_symlink()
    assert next((tmp_path / "web" / "static").rglob("*.css"), None) is not None


def test_pages_of_days_that_are_long_over_go_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "checkout" / "validations" / "demand"
    for name in ("2020-01-01", "notes"):
        (folder / name).mkdir(parents=True)
    for days in range(3):
        start = START + timedelta(days=days)
        judge_day(day(), SPEC, start=start, pages=tmp_path / "checkout", kept=timedelta(days=2))

    left = sorted(each.name for each in folder.iterdir())

    assert left == [*(f"{START + timedelta(days=days):%Y-%m-%d}" for days in (1, 2)), "notes"]


def test_only_one_module_imports_it_inside_a_function_beside_the_views_that_it_imports_itself() -> None:
    """It takes four seconds and 160 MB."""
    texts = {
        path.relative_to(ROOT): path.read_text()
        for folder in ("include", "plugins", "dags")
        for path in (ROOT / folder).rglob("*.py")
    }
    users = {path for path, text in texts.items() if re.search("(import|from) great_expectations", text)}
    views = {path for path, text in texts.items() if re.search("import .*page_views|page_views import", text)}

    demand = Path("include/springtide/demand")
    assert users == {demand / "expectations.py", demand / "page_views.py"}
    assert views == set()


def test_a_page_of_the_second_day_is_made_from_the_templates_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a template is compiled again")

    first = judge_day(day(), SPEC, start=START, pages=tmp_path)
    monkeypatch.setattr("jinja2.Environment.compile", refused)
    second = judge_day(day(), SPEC, start=START + timedelta(days=1), pages=tmp_path)

    assert first.page is not None
    assert second.page is not None
    assert len(Path(second.page).read_text()) == pytest.approx(len(Path(first.page).read_text()), rel=0.2)


def test_a_run_s_own_path_never_loads_it() -> None:
    code = """
        import sys
        from datetime import UTC, datetime, timedelta
        from pathlib import Path
        from springtide.cli.main import app
        from springtide.run import phases, pipeline, admission
        from springtide.demand.registry import demand_source, read_demand
        from springtide.policy.reading.folder import PolicyFolder
        spec = PolicyFolder(Path("examples/policies")).get("world-cup").spec.demand
        now = datetime.now(UTC)
        read_demand(demand_source(spec, prometheus_url=None, base=Path("examples/policies")), spec, now=now)
        print(sorted({"great_expectations", "statsforecast", "numba", "scipy"} & set(sys.modules)))
    """
    lines = "\n".join(line.strip() for line in code.strip().splitlines())

    done = subprocess.run(
        [sys.executable, "-c", lines], capture_output=True, text=True, timeout=120, check=True, cwd=ROOT
    )

    assert done.stdout.strip() == "[]"
