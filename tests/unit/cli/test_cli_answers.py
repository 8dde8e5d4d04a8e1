"""What the commands answer when all is well, and when it is not: words for people, records for programs, exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML
from typer.testing import CliRunner, Result

from springtide import __version__
from springtide.cli.answers import answering, print_record
from springtide.cli.exit_codes import ExitCode
from springtide.cli.main import app
from springtide.cli.options import Output
from springtide.errors import DemandUnavailable

SERVICE_NOWHERE = """\
apiVersion: v1
kind: Service
metadata: {name: one, namespace: nowhere}
spec: {ports: [{port: 8080}]}
"""
POLICIES = Path(__file__).parents[3] / "examples" / "sandbox"
ONE_SERVICE = "apiVersion: v1\nkind: Service\nmetadata: {name: one"
NOWHERE = "http://127.0.0.1:1"
KUBECONFIG = f"""
apiVersion: v1
kind: Config
clusters: [{{name: gone, cluster: {{server: {NOWHERE}}}}}]
users: [{{name: gone, user: {{}}}}]
contexts: [{{name: gone, context: {{cluster: gone, user: gone}}}}]
current-context: gone
"""


def springtide(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """A cluster that nobody answers for."""
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return path


@pytest.fixture
def store(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/runs.db"


def test_the_version_is_the_library_s() -> None:
    assert springtide("version").stdout == f"{__version__}\n"


@pytest.mark.parametrize("command", ["plan", "run"])
def test_an_unknown_service_is_refused_with_those_that_there_are(command: str, kubeconfig: Path) -> None:
    done = springtide(command, "chekout", "--policies", POLICIES, "--kubeconfig", kubeconfig)

    assert done.exit_code == 1
    assert "service_unknown" in done.stderr
    assert "there are: checkout" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan",),
        ("run",),
        ("roll-back",),
        ("release",),
        ("explain",),
        ("autoscaler",),
        ("autoscaler", "--apply"),
    ],
    ids=" ".join,
)
def test_a_wrong_name_is_told_before_any_cluster_is_opened(arguments: tuple[str, ...], tmp_path: Path) -> None:
    nowhere = tmp_path / "none"

    done = springtide(*arguments, "chekout", "--policies", POLICIES, "--kubeconfig", nowhere)

    assert done.exit_code == 1
    assert "service_unknown" in done.stderr
    assert "(did you mean checkout?); there are: checkout." in " ".join(done.stderr.split())


@pytest.mark.parametrize("arguments", [("tune",), ("backtest", "--from", "2026-11-01", "--to", "2026-11-02")])
def test_a_wrong_name_is_told_before_any_metric_is_read(arguments: tuple[str, ...]) -> None:
    done = springtide(*arguments, "chekout", "--policies", POLICIES, "--prometheus", NOWHERE)

    assert done.exit_code == 1
    assert "(did you mean checkout?); there are: checkout." in " ".join(done.stderr.split())


@pytest.mark.parametrize("arguments", [("reconcile",), ("release", "--expired")], ids=" ".join)
def test_a_folder_that_is_not_there_is_told_before_any_cluster_is_opened(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    nowhere = tmp_path / "none"

    done = springtide(*arguments, "--policies", nowhere, "--kubeconfig", nowhere)

    assert done.exit_code == 1
    assert "policy_unreadable" in done.stderr


def test_a_policy_may_end_in_yml(kubeconfig: Path, tmp_path: Path) -> None:
    text = (POLICIES / "checkout.yaml").read_text()
    (tmp_path / "checkout.yml").write_text(text)

    done = springtide("plan", "checkout", "--policies", tmp_path, "--kubeconfig", kubeconfig)

    assert done.exit_code == 75  # it was found, and then the cluster did not answer


def test_an_error_is_a_record_for_programs(kubeconfig: Path) -> None:
    done = springtide("plan", "../x", "--policies", POLICIES, "--kubeconfig", kubeconfig, "--output", "json")

    assert json.loads(done.stderr)["error"]["code"] == "service_unknown"
    assert json.loads(done.stdout) == json.loads(done.stderr)


@pytest.mark.parametrize("replicas", ["0", "-1", "1.5", "abc", "1000000000"])
def test_a_number_that_is_none_is_refused_by_its_name(replicas: str, kubeconfig: Path) -> None:
    done = springtide("plan", "checkout", f"--replicas={replicas}", "--policies", POLICIES, "--kubeconfig", kubeconfig)

    assert done.exit_code == 1
    assert "replicas" in done.stderr


def test_brackets_in_a_message_are_no_style(kubeconfig: Path) -> None:
    done = springtide("plan", "[bold]", "--policies", POLICIES, "--kubeconfig", kubeconfig)

    assert "there is no policy '[bold]'" in done.stderr


def test_a_cluster_that_does_not_answer_is_worth_another_try(kubeconfig: Path) -> None:
    arguments = ("checkout", "--replicas", "4", "--policies", POLICIES, "--kubeconfig", kubeconfig)
    done = springtide("plan", *arguments)

    assert done.exit_code == 75
    assert "Traceback" not in done.stderr


def test_a_store_without_runs_shows_none(store: str) -> None:
    done = springtide("status", "--store", store, "--output", "json")

    assert (done.exit_code, json.loads(done.stdout)) == (0, [])


def test_a_run_that_nobody_knows_is_an_error(store: str) -> None:
    done = springtide("status", "--run", "cli-never", "--store", store)

    assert done.exit_code == 1
    assert "run_unknown" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cannot be read"),
        ("a: 1", "document 1 is not a Kubernetes object"),
        (SERVICE_NOWHERE, '"nowhere" not found'),
        (
            json.dumps({"kind": "List", "apiVersion": "v1", "items": [{"a": 1}]}),
            "document 1 is not a Kubernetes object",
        ),
    ],
    ids=["yaml", "object", "refused", "item of a list"],
)
def test_a_manifest_that_cannot_be_applied_is_refused(text: str, message: str, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.yaml"
    kubeconfig = tmp_path / "kubeconfig"
    manifest.write_text(text)

    done = springtide("sandbox", "-f", manifest, "--kubeconfig", kubeconfig)

    assert done.exit_code == 1
    assert message in " ".join(done.stderr.split())
    assert not kubeconfig.exists()


def test_a_kind_that_is_not_served_is_told_and_skipped(tmp_path: Path) -> None:
    """What stands behind it is applied: here a Service that is refused, so that the command ends."""
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(f"apiVersion: v1\nkind: Unicorn\nmetadata: {{name: one}}\n---\n{SERVICE_NOWHERE}")

    done = springtide("sandbox", "-f", manifest, "--kubeconfig", tmp_path / "kubeconfig")

    printed = " ".join(done.stderr.split())
    assert "Skipped Unicorn one: the sandbox does not serve v1 Unicorn." in printed
    assert '"nowhere" not found' in printed


def test_the_items_of_a_list_are_applied_one_by_one(tmp_path: Path) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "one", "namespace": "nowhere"},
        "spec": {"ports": [{"port": 8080}]},
    }
    manifest = tmp_path / "manifest.yaml"
    manifest.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [service]}))

    done = springtide("sandbox", "-f", manifest, "--kubeconfig", tmp_path / "kubeconfig")

    assert done.exit_code == 1
    assert '"nowhere" not found' in " ".join(done.stderr.split())


def test_a_manifest_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = springtide("sandbox", "-f", tmp_path / "none.yaml", "--kubeconfig", tmp_path / "kubeconfig")

    assert done.exit_code == 1
    assert "none.yaml" in "".join(done.stderr.split())


@pytest.mark.parametrize(
    ("output", "read"), [("json", json.loads), ("yaml", YAML(typ="safe").load)], ids=["json", "yaml"]
)
def test_a_program_finds_the_error_on_stdout_in_its_form(output: str, read: Callable[[str], Any], store: str) -> None:
    done = springtide("status", "--run", "cli-never", "--store", store, "-o", output)

    assert (done.exit_code, read(done.stdout)["error"]["code"]) == (1, "run_unknown")
    assert read(done.stderr) == read(done.stdout)


def answer_and_fail(output: Output) -> None:
    with answering(output):
        print_record({"replicas": 6}, output)
        raise DemandUnavailable("Prometheus does not answer.", code="demand_unavailable")


def test_an_answer_that_was_given_stays_the_only_document(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        answer_and_fail(Output.JSON)

    printed = capsys.readouterr()
    assert (ended.value.exit_code, json.loads(printed.out)) == (ExitCode.TRY_AGAIN, {"replicas": 6})
    assert json.loads(printed.err)["error"]["code"] == "demand_unavailable"


def test_an_own_fault_is_a_record_too(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit), answering(Output.YAML):
        raise ZeroDivisionError

    assert YAML(typ="safe").load(capsys.readouterr().err)["error"]["code"] == "internal_error"


def test_several_answers_are_several_documents(capsys: pytest.CaptureFixture[str]) -> None:
    with answering(Output.YAML):
        for service in ("shop", "search"):
            print_record({"service": service, "run": None}, Output.YAML)

    documents = list(YAML(typ="safe").load_all(capsys.readouterr().out))
    assert documents == [{"service": "shop", "run": None}, {"service": "search", "run": None}]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("plan", "checkuot"), "service_unknown"),
        (("plan", "checkout", "--replicas", "sechs"), "pods_not_integer"),
        (("run", "checkout", "--replicas", "sechs"), "pods_not_integer"),
        (("plan", "checkout", "--strategy", "blue-green"), "strategy_unknown"),
        (("run", "checkout", "--strategy", "blue-green"), "strategy_unknown"),
        (("run", "checkout", "--override", "nobody"), "override_invalid"),
        (("plan", "checkout", "--policies", "README.md"), "service_unknown"),
    ],
    ids=str,
)
def test_a_mistake_of_the_command_line_is_told_before_a_cluster_is_asked_for(
    arguments: tuple[str, ...], code: str, tmp_path: Path
) -> None:
    place = () if "--policies" in arguments else ("--policies", POLICIES)

    done = springtide(*arguments, *place, "--kubeconfig", tmp_path / "none", "-o", "json")

    assert (done.exit_code, json.loads(done.stdout)["error"]["code"]) == (1, code)
