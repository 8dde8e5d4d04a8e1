"""Text of people and clusters is shown letter for letter: no markup, no emoji, no command to the terminal."""

from __future__ import annotations

import ast
import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from rich.console import Console
from typer.testing import CliRunner

import springtide.cli
from springtide.capacity.combine import requested
from springtide.cli import answers, display, run_list
from springtide.cli.main import app
from springtide.cli.options import Output
from springtide.cli.plain_text import PlainTable, plain
from springtide.errors import PermanentError, SpringtideError
from springtide.plan.findings import Finding, FindingStatus
from springtide.plan.model import Clamp, PlanOutcome, ScalingPlan
from springtide.record.model import RunOutcome
from springtide.run.approval import approval_page
from springtide.run.state import Phase
from springtide.workload import Workload
from support.simulation import Simulation
from unit.record.run_builders import an_ended_run

CLI = Path(springtide.cli.__file__).parent
PIECES = (
    *("[", "]", "[/", "[/]", "[/x]", "[x]", "[bold]", "[red]x", "[link=file:///etc]", "[@click=app.bell]", "\\[", "\\"),
    *(":warning:", ":x:", "{}", "{task.id}", "%s", "[[", "]]", "[on red]", "[few]", "[not a tag", "a", " ", "é", "→"),
)
HIDDEN = ("\x1b[31m", "\x1b]0;title\x07", "\r", "\b", "\x9b1m", "\u202e", "\u2066", "\x00", "\ud800", "\x7f")


def texts() -> list[str]:
    rng = Random(41)
    return ["[/x]", "[text]", *("".join(rng.choices(PIECES, k=rng.randint(1, 9))) for _ in range(40))]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Return what is printed, by a console that would read markup."""
    shown = io.StringIO()
    console = Console(file=shown, width=4000, force_terminal=True, color_system=None)
    for name in ("out", "err"):
        monkeypatch.setattr(display, name, console)
    return shown


def plan_of(text: str) -> ScalingPlan:
    now = datetime(2026, 11, 27, tzinfo=UTC)
    return ScalingPlan(
        policy=text,
        target=Workload(namespace=text, deployment=text, service=text),
        strategy="in_place",
        current=2,
        replicas=4,
        outcome=PlanOutcome.SCALE,
        estimate=requested(4, now=now),
        clamps=(Clamp(guard="max", was=9, replicas=4, reason=text),),
        decided_at=now,
        reason=text,
        findings=(Finding(check="quota", status=FindingStatus.WARNING, message=text),),
    )


def waited(text: str) -> None:
    with display.PhaseDisplay(is_shown=True) as shown:
        shown.phase(Phase.CREATE_INSTANCES)
        shown.wait(text)
        raise KeyboardInterrupt


@pytest.mark.parametrize("text", texts())
def test_whatever_stands_in_it_is_shown(printed: io.StringIO, text: str) -> None:
    error = {"code": "admission_denied", "message": text}
    run = an_ended_run(RunOutcome.SUCCEEDED, run_id=text, requested_by=text, reason=text, error=error)

    display.show_plan(plan_of(text))
    display.show_run(run)
    run_list.show_runs((run,), datetime(2026, 11, 27, tzinfo=UTC))
    display.show_error(PermanentError(text, code="x"))
    display.show_own_fault(ValueError(text), "see the log")
    display.tell(text)
    display.answer(text, "yellow")
    with pytest.raises(KeyboardInterrupt):
        waited(text)

    cells = re.split(r"[│┃\n]| {2,}", printed.getvalue())
    assert sum(text.strip() in cell for cell in cells) >= 12
    assert text in printed.getvalue()


@pytest.mark.parametrize("hidden", HIDDEN)
def test_what_would_command_the_terminal_is_shown_as_its_code(hidden: str) -> None:
    shown = plain(f"before{hidden}after").plain

    assert shown.isprintable()
    assert shown.startswith("before\\")
    assert shown.endswith("after")


def test_lines_and_tabs_stay() -> None:
    assert plain("a\n\tb").plain == "a\n\tb"


def test_headers_and_titles_are_plain_too(printed: io.StringIO) -> None:
    table = PlainTable("[/head]", title="[/title]")
    table.add_row("[/cell]", style="red")
    display.out.print(table)

    for text in ("[/head]", "[/title]", "[/cell]"):
        assert text in printed.getvalue()


@pytest.mark.parametrize("output", [Output.TABLE, Output.JSON])
def test_an_error_of_any_kind_is_told_and_nothing_else_breaks(
    printed: io.StringIO, capsys: pytest.CaptureFixture[str], output: Output
) -> None:
    import typer

    errors: list[Exception] = [PermanentError("[/x] [few]", code="x"), ValueError("[/x] [few]")]
    for error in errors:
        with pytest.raises(typer.Exit), answers.answering(output):
            raise error

    whole = printed.getvalue() + capsys.readouterr().err
    assert whole.count("[/x] [few]") == 2
    assert isinstance(errors[0], SpringtideError)


@pytest.mark.parametrize(
    "arguments",
    [
        ("[/x]",),
        ("plan", "--output", "[/x]", "a"),
        ("plan", "--no[/x]"),
        ("events", "[/x]"),
        ("status", "a", "[/x]"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_told_as_it_was_written(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, list(arguments))

    assert done.exit_code == 2
    assert "[/x]" in done.output


def test_nothing_of_the_command_line_prints_by_the_library_s_markup() -> None:
    """Every print goes through `plain`: a text that a later change forgets would be read as markup again."""
    for file in sorted(CLI.glob("*.py")):
        tree = ast.parse(file.read_text())
        imported = {
            alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rich")
            for alias in node.names
        }
        allowed = {"Table", "Text", "RenderableType", "StyleType"} if file.name == "plain_text.py" else set()
        assert not imported & ({"Table", "escape", "Panel", "print", "Markdown"} - allowed), file.name
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"out.print", "err.print"}:
                (first, *_) = node.args
                assert not isinstance(first, ast.Constant | ast.JoinedStr), f"{file.name}:{node.lineno}"


def test_consoles_read_no_markup_by_themselves() -> None:
    for console in (display.out, display.err):
        assert console.render_str("[/x] [bold]a[/bold] :warning:").plain == "[/x] [bold]a[/bold] :warning:"


@pytest.mark.parametrize("text", ["a\n# b", "a\n\n<script>", "a\r\n| b", "a\u2028# b", "`a` | b\n"])
def test_the_page_that_asks_shows_it_as_text(text: str) -> None:
    """Airflow renders Markdown: what others wrote stands in code, every line of it."""
    asked = replace(Simulation.of(2).request(4), reason=text, requested_by=text)

    page = approval_page(replace(plan_of(text), policy="web"), asked, datetime(2026, 11, 11, tzinfo=UTC))

    for line in page.split("\n")[2:]:
        inside = line.startswith(("    ", "| ", "- ")) or line in {"", "|---|---|---|"}
        assert inside, line
        if line.startswith("- asked for by"):
            assert line.count("`") == 4
        if line.startswith("| quota"):
            assert line.count("`") == 2
            assert line.count("|") == 4
