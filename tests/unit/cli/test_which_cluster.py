"""A command says which cluster it talks to before it does: the context and the server, and never a credential."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from springtide.cli.main import app

POLICIES = Path(__file__).parents[3] / "examples" / "sandbox"
ENTRY = {"server": "http://ada:hidden@127.0.0.1:9/shop?key=hidden"}
CONTEXT = "[/prod] [bold]shop[/bold]"
DOCUMENT = {
    "clusters": [{"name": "c", "cluster": ENTRY}],
    "contexts": [{"name": CONTEXT, "context": {"cluster": "c", "user": "u"}}],
    "users": [{"name": "u", "user": {"token": "hidden"}}],
    "current-context": CONTEXT,
}


@pytest.fixture(autouse=True)
def _kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kubeconfig").write_text(json.dumps(DOCUMENT))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/nowhere:{tmp_path}/kubeconfig")


@pytest.mark.parametrize(
    "arguments",
    [("plan", "checkout", "--replicas=4"), ("run", "checkout", "--replicas=4"), ("roll-back", "checkout")],
    ids=lambda arguments: str(arguments[0]),
)
def test_for_people_it_stands_before_everything_else(arguments: tuple[str, ...], tmp_path: Path) -> None:
    store = () if arguments[0] == "plan" else (f"--store=sqlite:///{tmp_path}/runs.db",)

    done = CliRunner().invoke(app, [*arguments, f"--policies={POLICIES}", *store])

    first = done.stderr.splitlines()[0]
    assert first == (
        f"cluster: context {CONTEXT}, server http://127.0.0.1:9/shop "
        f"(KUBECONFIG names files that are not there: {tmp_path}/nowhere)"
    )
    assert done.exit_code == 75
    assert "hidden" not in done.output


def test_for_programs_errors_stay_one_document() -> None:
    done = CliRunner().invoke(app, ["plan", "checkout", "--replicas=4", f"--policies={POLICIES}", "-o", "json"])

    assert json.loads(done.stderr)["error"]["code"] == "cluster_unreachable"


def test_a_run_s_answer_says_where_it_was(tmp_path: Path) -> None:
    store = f"--store=sqlite:///{tmp_path}/runs.db"

    done = CliRunner().invoke(app, ["run", "checkout", "--replicas=4", f"--policies={POLICIES}", store, "-o", "json"])

    assert json.loads(done.stdout)["api_server"] == {"context": CONTEXT, "server": "http://127.0.0.1:9/shop"}


def test_a_pace_of_writes_that_is_none_is_refused_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPRINGTIDE_API_WRITES", "4")

    done = CliRunner().invoke(
        app, ["run", "checkout", "--replicas=4", f"--policies={POLICIES}", f"--store=sqlite:///{tmp_path}/runs.db"]
    )

    assert "SPRINGTIDE_API_WRITES: '4' is not a whole number from 5 to 1000" in done.output
    assert done.exit_code not in {0, 75}
