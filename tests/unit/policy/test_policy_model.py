"""What a policy is by itself: defaults, round trip, frozen, documented."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from springtide.policy.language.parts import Part
from springtide.policy.language.units import MAX_OBJECT_NAME
from springtide.policy.scaling.demand import FileDemand
from springtide.policy.scaling.model import Replicas, ScalingPolicy
from springtide.policy.scaling.smoke import HttpCheck, PromqlCheck, SmokeCheck
from support.builders import policy


def parts(of: Any = ScalingPolicy) -> Iterator[type[Part]]:
    """Yield every part that a policy can have."""
    if isinstance(of, type) and issubclass(of, Part):
        yield of
        for field in of.model_fields.values():
            yield from parts(field.annotation)
    for argument in get_args(of):
        yield from parts(argument)


def everything() -> ScalingPolicy:
    """Return a policy that says all there is."""
    return policy(
        demand={"source": "file", "path": "day.csv", "as_of": "2026-11-11T08:00:00+08:00", "unit": "cores"},
        capacity={
            "combine": "sum",
            "models": [
                {"model": "target_utilization", "per_replica": 2, "window": "90s"},
                {"model": "weighted_demand", "request": "100m", "limit": 1, "max_replicas": 9},
            ],
        },
        strategy={"type": "in_place", "probe": {"path": "/", "identity": "header:X-Pod"}, "remove_step": 3},
        smoke=[{"http": {"path": "/healthz", "port": 80}}, {"promql": {"query": "up", "below": 2, "above": 0.5}}],
        guards={"step_up": "2.5x", "step_down": "0%", "tolerance": "0%"},
    )


@pytest.mark.parametrize("parsed", [policy(), everything()], ids=["shortest", "everything"])
def test_a_policy_survives_its_json_form(parsed: ScalingPolicy) -> None:
    dumped = parsed.model_dump(mode="json")

    assert ScalingPolicy.model_validate(dumped) == parsed
    assert ScalingPolicy.model_validate_json(parsed.model_dump_json()) == parsed
    assert ScalingPolicy.model_validate(dumped).model_dump(mode="json") == dumped


def test_the_json_form_holds_the_words_of_the_file() -> None:
    dumped = everything().model_dump(mode="json")

    assert dumped["apiVersion"] == "springtide/v1"
    assert dumped["spec"]["capacity"]["models"][0]["window"] == "90s"
    assert dumped["spec"]["demand"]["as_of"] == "2026-11-11T00:00:00Z"
    assert dumped["spec"]["guards"] == {
        "step_up": "2.5x",
        "step_down": "0%",
        "tolerance": "0%",
        "cooldown": "0s",
        "cooldown_up": "0s",
        "stabilization": {"down": "5m", "error_over": "2h"},
        "failures": {"back_off": "30m", "pause_after": 2},
    }


def test_the_defaults_are_those_that_the_docs_promise() -> None:
    strategy = policy(strategy={"type": "blue_green"}).spec.strategy
    guards = policy().spec.guards

    waits = (strategy.propagation, strategy.drain, strategy.deadlines.ready, strategy.deadlines.removed)
    assert waits == tuple(timedelta(seconds=seconds) for seconds in (30, 60, 600, 900))
    assert (str(strategy.remove_step), strategy.probe, strategy.on_inconclusive) == ("25%", None, "fail")
    assert (guards.step_up, guards.step_down, guards.tolerance) == (3.0, 0.5, 0.1)


def test_nothing_of_a_policy_can_be_changed() -> None:
    parsed = policy()

    with pytest.raises(ValidationError):
        parsed.spec.replicas.min = 5  # type: ignore[misc]  # what is tested
    assert hash(parsed.spec.strategy) == hash(policy().spec.strategy)


def target(deployment: str) -> dict[str, str]:
    return {"namespace": "shop", "deployment": deployment, "service": "web"}


@pytest.mark.parametrize("strategy", ["blue_green", "in_place", "floor"])
@pytest.mark.parametrize("name", ["web.v2", "w" * 63])
def test_a_deployment_is_called_what_kubernetes_allows(name: str, strategy: str) -> None:
    assert policy(target=target(name), strategy={"type": strategy}).spec.target.deployment == name


def test_only_blue_green_needs_the_name_as_the_value_of_a_label() -> None:
    longest = "w" * MAX_OBJECT_NAME

    for strategy in ("in_place", "floor"):
        spec = policy(target=target(longest), strategy={"type": strategy}).spec
        assert len(spec.target.workload.lease_name) == 253
    with pytest.raises(ValidationError, match=r"the name has 64 characters.* at most 63"):
        policy(target=target("w" * 64))
    with pytest.raises(ValidationError, match="at most 242 characters"):
        policy(target=target(f"w{longest}"), strategy={"type": "in_place"})


def test_a_check_is_what_the_file_says_it_is() -> None:
    http, promql = everything().spec.smoke

    assert isinstance(http.check, HttpCheck)
    assert isinstance(promql.check, PromqlCheck)


@pytest.mark.parametrize(
    ("samples", "must_pass", "needed"),
    [(50, "100%", 50), (50, "99%", 50), (100, "29%", 29), (3, "50%", 2), (9, "0%", 1)],
)
def test_a_share_of_samples_is_rounded_up_and_never_none(samples: int, must_pass: str, needed: int) -> None:
    check = SmokeCheck.model_validate({"http": {"path": "/", "samples": samples, "must_pass": must_pass}}).http

    assert check is not None
    assert check.needed == needed


def test_the_identity_of_a_probe_names_its_header() -> None:
    probe = everything().spec.strategy.probe

    assert probe is not None
    assert probe.header == "X-Pod"
    assert probe.model_copy(update={"identity": "body"}).header is None


@pytest.mark.parametrize("part", sorted(set(parts()), key=str))
def test_every_field_says_what_it_is_and_what_it_defaults_to(part: type[Part]) -> None:
    for name, field in part.model_fields.items():
        about = field.description or ""
        needs_no_word = isinstance(field.default, Part | tuple) or len(get_args(field.annotation)) == 1
        assert about, f"{part.__name__}.{name} has no docstring"
        if field.is_required():
            assert "equired" in about, f"{part.__name__}.{name} does not say that it is required"
        elif not needs_no_word and name not in {"http", "promql", "below", "above", "demand"}:
            assert "efault" in about, f"{part.__name__}.{name} does not say its default"


def test_contradictions_have_a_place_each() -> None:
    with pytest.raises(ValidationError) as caught:
        Replicas(min=5, max=3)

    (contradiction,) = caught.value.errors()[0]["ctx"]["found"]
    assert (contradiction.field, contradiction.code) == (("min",), "policy_inconsistent")


@pytest.mark.parametrize("path", ["day.csv", "traces/day.csv.gz", "../traces/day.parquet", "./a b.csv"])
def test_a_file_of_demand_lies_in_the_folder_of_policies_or_beside_it(path: str) -> None:
    assert FileDemand(path=path, unit="jobs").path == path


@pytest.mark.parametrize(
    "path",
    ["/etc/day.csv", "../../day.csv", "a/../day.csv", "..\\day.csv", "day.txt", "day", "", "a\n.csv", "~/.netrc"],
)
def test_any_other_file_is_refused(path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        FileDemand(path=path, unit="jobs")

    assert caught.value.errors()[0]["type"] == "path_not_allowed"
