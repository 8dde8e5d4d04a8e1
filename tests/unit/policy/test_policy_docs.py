"""The schema, the docs and the examples say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from springtide.errors import PolicyError
from springtide.policy.language.keys import known
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.reading.parse import load_policy
from springtide.policy.scaling.approval import Approval
from springtide.policy.scaling.auto import AutoSpec, Hpa
from springtide.policy.scaling.capacity import (
    CapacitySpec,
    FixedSpec,
    MeasuredThroughput,
    PercentileSpec,
    QueueingSpec,
    SqrtHeadroomSpec,
    TargetUtilizationSpec,
    UslSpec,
    WeightedDemandSpec,
)
from springtide.policy.scaling.capacity_ahead import (
    ConformalSpec,
    EventModelSpec,
    ForecastSpec,
    KnownEvent,
    SeasonalSpec,
)
from springtide.policy.scaling.databases import DatabaseCheck
from springtide.policy.scaling.demand import FileDemand, History, PrometheusDemand, Quality
from springtide.policy.scaling.downstream import Downstream
from springtide.policy.scaling.guards import Failures, Guards, Stabilization
from springtide.policy.scaling.model import Metadata, Replicas, Spec, TargetSpec
from springtide.policy.scaling.notify import Notify
from springtide.policy.scaling.preflight import PreflightSpec
from springtide.policy.scaling.rehearsal import Rehearsal
from springtide.policy.scaling.smoke import HttpCheck, PromqlCheck, RequestHeader
from springtide.policy.scaling.stability import Stability
from springtide.policy.scaling.strategy import BlueGreen, Deadlines, Floor, InPlace, Probe
from springtide.policy.schema import policy_schema, render

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden" / "policies"
DOCS = (ROOT / "docs" / "policy.md").read_text()
VALIDATOR = Draft202012Validator(policy_schema())
PARTS = [
    Metadata, Spec, TargetSpec, Replicas, PrometheusDemand, FileDemand, History, Quality, CapacitySpec, AutoSpec, Hpa,
    TargetUtilizationSpec, FixedSpec, WeightedDemandSpec, SqrtHeadroomSpec, PercentileSpec, SeasonalSpec, ConformalSpec,
    ForecastSpec, QueueingSpec, UslSpec, MeasuredThroughput, EventModelSpec, KnownEvent, BlueGreen, InPlace, Floor,
    Probe, Deadlines, HttpCheck, RequestHeader, PromqlCheck, Guards, PreflightSpec, Downstream, Approval, DatabaseCheck,
    Stability, Rehearsal, Stabilization, Failures, Notify,
]  # fmt: skip


def plain(path: Path) -> Any:
    """Return what another YAML 1.2 reader makes of `path`."""
    data = YAML(typ="safe", pure=True).load(path.read_text())
    return json.loads(json.dumps(data, default=lambda moment: moment.isoformat()))


def test_the_committed_schema_is_current() -> None:
    """`python -m springtide.policy.schema > docs/policy.schema.json` brings it up to date."""
    assert (ROOT / "docs" / "policy.schema.json").read_text() == render(policy_schema())


def test_the_schema_is_a_schema_and_describes_every_key() -> None:
    Draft202012Validator.check_schema(policy_schema())

    for name, part in policy_schema()["$defs"].items():
        for key, field in part["properties"].items():
            assert field.get("description"), f"{name}.{key}"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("valid/*.yaml")), ids=lambda path: path.stem)
def test_the_schema_accepts_what_the_parser_accepts(path: Path) -> None:
    assert list(VALIDATOR.iter_errors(plain(path))) == []
    assert list(VALIDATOR.iter_errors(load_policy(path).model_dump(mode="json"))) == []


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("invalid/shape/*.yaml")), ids=lambda path: path.stem)
def test_the_schema_refuses_wrong_shapes_too(path: Path) -> None:
    assert list(VALIDATOR.iter_errors(plain(path))) != []


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("invalid/meaning/*.yaml")), ids=lambda path: path.stem)
def test_what_contradicts_itself_only_the_parser_finds(path: Path) -> None:
    """A file that moves from one folder to the other has changed what the schema can do."""
    assert list(VALIDATOR.iter_errors(plain(path))) == []


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_the_docs_name_every_key(part: Any) -> None:
    for key, field in known(part):
        rows = re.findall(rf"^\| .*\b{key}\b.*\|$", DOCS, re.MULTILINE)
        headings = re.findall(rf"^### .*\b{key}$", DOCS, re.MULTILINE)
        named = f"**`{field.default}`**" in DOCS  # the models, by their tags
        assert rows or headings or named, f"docs/policy.md does not name {part.__name__}.{key}"


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_the_docs_tell_the_defaults(part: Any) -> None:
    for key, field in known(part):
        if (
            str(field.default)
            and isinstance(field.default, str | int | float)
            and key not in {"type", "model", "source"}
        ):
            default = json.dumps(field.default) if isinstance(field.default, bool) else str(field.default)
            row = re.search(rf"^\| .*\b{key}\b.*\| `{re.escape(default)}` \|$", DOCS, re.MULTILINE)
            assert row, f"docs/policy.md does not say that {part.__name__}.{key} defaults to {field.default}"


def test_the_example_of_the_docs_loads(tmp_path: Path) -> None:
    (tmp_path / "checkout.yaml").write_text(re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)[0])

    assert list(PolicyFolder(tmp_path).all()) == ["checkout"]


def test_the_errors_of_the_docs_are_real(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "examples" / "policies" / "checkout.yaml").read_text()
    text = text.replace("# A service with all that a policy can say. docs/policy.md explains each key.\n", "")
    text = text.replace("{min: 3, max: 120}", "{min: 30, max: 3, maxPods: 9}").replace("lookback: 1h", "lookback: 1 h")
    monkeypatch.chdir(tmp_path)
    Path("policies").mkdir()
    Path("policies/checkout.yaml").write_text(text)

    with pytest.raises(PolicyError) as caught:
        load_policy(Path("policies/checkout.yaml"))

    assert f"```\n{caught.value}\n```" in DOCS


def test_the_docs_tell_every_code() -> None:
    messages = "".join(path.read_text() for path in GOLDEN.glob("invalid/*/*.txt"))

    assert [code for code in re.findall(r"\[([a-z_]+)\]$", messages, re.MULTILINE) if f"`{code}`" not in DOCS] == []


def test_the_example_policies_are_valid() -> None:
    assert list(PolicyFolder(ROOT / "examples" / "policies").all()) == ["checkout", "reports", "search", "world-cup"]
