"""Seventy bad inputs, by one table: the answer has a status, a code that stays, and words without a secret or a trace.

Most come in by REST, so that what is judged is what a caller meets: the guard, the policy's reader by
`policies/validate`, the planner by `GET /scale/`. Rows whose judge no request reaches name the test that meets it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from springtide.sandbox.objects import Json
from springtide.web.ports import AirflowHealth, Caller
from support.builders import policy_document
from support.simulation import NAMESPACE, Simulation
from support.web import NOBODY, OPERATOR, WebScene

ROOT: Final = Path(__file__).parents[3]
GOOD: Final = "/scale/?name=web&pods=3"


def nothing(_scene: WebScene) -> None:
    """Arrange nothing."""


@dataclass(frozen=True, kw_only=True)
class BadInput:
    """One input of row `row`, and the answer to it; what is refused within a plan has status 200."""

    row: int
    code: str
    status: int = 422
    method: str = "POST"
    path: str = GOOD
    caller: Caller | None = OPERATOR
    by_cookie: bool = False
    how: dict[str, Any] = field(default_factory=dict)
    arrange: Callable[[WebScene], object] = nothing
    says: str = ""

    def __str__(self) -> str:
        return f"{self.row}-{self.code}-{self.path[:40]}"


def named(name: str, row: int, code: str = "name_invalid", status: int = 422, says: str = "") -> BadInput:
    """Return the row of a name in the address."""
    path = str(httpx.URL("/scale/", params={"name": name, "pods": "3"}))
    return BadInput(row=row, code=code, status=status, path=path, says=says)


def pods(text: str, row: int, code: str, says: str = "") -> BadInput:
    """Return the row of a number in the address."""
    path = str(httpx.URL("/scale/", params={"name": "web", "pods": text}))
    return BadInput(row=row, code=code, path=path, says=says)


def sent(row: int, code: str, status: int, body: bytes | str, content_type: str = "application/json") -> BadInput:
    """Return the row of a body."""
    how = {"content": body, "headers": {"Content-Type": content_type}}
    return BadInput(row=row, code=code, status=status, how=how)


def headed(row: int, code: str, status: int = 422, says: str = "", **headers: str) -> BadInput:
    """Return the row of headers."""
    named_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return BadInput(row=row, code=code, status=status, how={"headers": named_headers}, says=says)


def paused(scene: WebScene) -> None:
    scene.starts.paused_dags.add("scale_service")


def missing(scene: WebScene) -> None:
    scene.starts.missing_dags.add("scale_service")


def without_triggerer(scene: WebScene) -> None:
    scene.starts.alive = AirflowHealth(scheduler=True, triggerer=False, dag_processor=True)


REQUESTS: Final = (
    BadInput(row=1, code="auth_required", status=401, caller=None),
    BadInput(row=2, code="token_invalid", status=401, caller=Caller(name="expired", is_bearer=True)),
    BadInput(row=3, code="bearer_required", status=403, by_cookie=True),
    BadInput(row=4, code="not_allowed", status=403, caller=NOBODY),
    BadInput(row=4, code="not_allowed", status=403, caller=NOBODY, path="/scale/?name=nothing&pods=3"),
    headed(5, "origin_refused", 403, Origin="http://evil.example"),
    headed(5, "origin_refused", 403, Origin="null"),
    BadInput(row=6, code="use_post", status=405, method="GET", path=f"{GOOD}&execute=true"),
    BadInput(row=7, code="name_required", status=400, path="/scale/?pods=3"),
    named("", 8),
    named("   ", 8),
    named("a" * 64, 9, says="at most 63"),
    named("Web_App", 10, says="a-z, 0-9"),
    *(named(each, 11) for each in ("../etc", "%2e%2e%2f", "a/b", "..")),
    *(named(each, 12) for each in ("a;rm -rf /", "$(id)")),
    *(named(each, 13) for each in ("{{ conf }}", "{% for %}")),
    named('a"} or up{x="', 14),
    named("a,tier=db", 15),
    *(named(each, 16) for each in ("a\0b", "a\rb", "a\nb")),
    *(named(each, 17, says="U+") for each in ("wеb", "web\u202e", "web😀", "web\u200b")),  # noqa: RUF001 - that is it
    named("nothing", 18, "service_unknown", 404),
    BadInput(row=19, code="pods_required", status=400, path="/scale/?name=web"),
    *(
        pods(each, 20, "pods_not_integer", "ASCII digits only")
        for each in ("abc", "1.5", "1e3", "0x10", "٣", "+5", " 5")
    ),
    pods("-1", 21, "pods_negative"),
    pods("0", 22, "zero_refused"),
    pods("99999999999999999999", 23, "pods_too_many", "replicas.max"),
    pods("9" * 4000, 23, "pods_too_many"),
    BadInput(row=25, code="parameter_repeated", status=400, path=f"{GOOD}&pods=5"),
    BadInput(row=26, code="parameter_unknown", status=400, path="/scale/?name=web&pod=5", says="did you mean pods?"),
    sent(27, "body_too_large", 413, b" " * 65_537),
    sent(28, "json_expected", 415, "reason=sale", "application/x-www-form-urlencoded"),
    sent(28, "json_expected", 415, '{"reason": "sale"}', "text/plain"),
    sent(29, "json_invalid", 400, '{"reason":\n }'),
    sent(29, "json_invalid", 400, b'{"reason": "\xff"}'),
    sent(30, "json_unsafe", 400, "[" * 1000 + "]" * 1000),
    sent(30, "json_unsafe", 400, '{"reason": "a", "reason": "b"}'),
    sent(30, "json_unsafe", 400, '{"reason": NaN}'),
    sent(30, "json_unsafe", 400, '{"reason": -Infinity}'),
    sent(30, "json_unsafe", 400, '{"reason": ' + "9" * 5000 + "}"),
    headed(32, "key_invalid", Idempotency_Key="k" * 10_240),
    headed(32, "key_invalid", Idempotency_Key="a key", says="A-Za-z0-9"),
    BadInput(row=34, code="dag_paused", status=409, arrange=paused),
    BadInput(row=35, code="airflow_unhealthy", status=503, arrange=without_triggerer, says="triggerer"),
    BadInput(row=36, code="dag_unavailable", status=503, arrange=missing),
    *(
        BadInput(row=68, code="until_invalid", how={"json": {"until": each}})
        for each in ("2001-01-01T00:00:00Z", "2026-11-12T02:00:00", "2026-03-29 02:30 Europe/Berlin", "tomorrow")
    ),
)
"""What a caller of the article's call meets."""


def policy_of(text: str, row: int, code: str, says: str = "", status: int = 200) -> BadInput:
    """Return the row of a policy's text."""
    how = {"content": text.encode("utf-8", "surrogateescape"), "headers": {"Content-Type": "application/yaml"}}
    return BadInput(row=row, code=code, status=status, path="/api/v1/policies/validate", how=how, says=says)


def changed(row: int, code: str, says: str = "", **spec: Any) -> BadInput:
    """Return the row of a policy with `spec`."""
    import json

    return policy_of(json.dumps(policy_document(**spec)), row, code, says)


def asked(path: str, row: int, **more: Any) -> BadInput:
    """Return the row of a smoke check that would go elsewhere than to the policy's own Service."""
    return changed(row, "url_not_allowed", smoke=[{"http": {"path": path, "samples": 1} | more}])


SMALL: Final = (
    "apiVersion: springtide/v1\nkind: ScalingPolicy\nmetadata: {name: web, owner: team}\nspec:\n"
    "  target: {namespace: shop, deployment: web, service: web}\n  replicas: {min: 1, max: MAX}\n"
    "  capacity: {models: [{model: fixed, replicas: 6}]}\n  strategy: {type: blue_green}\n"
)
BOMB: Final = "a: &a [x, x]\n" + "".join(
    f"{n}: &{n} [*{o}, *{o}]\n" for o, n in zip("abcdefgh", "bcdefghi", strict=True)
)

POLICIES: Final = (
    policy_of("a: !!python/object/apply:os.system [id]\n", 38, "policy_unsafe_tag"),
    policy_of(BOMB, 39, "policy_alias_refused"),
    policy_of(SMALL.replace("MAX", "5, max: 6"), 40, "policy_duplicate_key"),
    policy_of(SMALL.replace("max: MAX", "max: 5, maxs: 6"), 41, "policy_unknown_key", "did you mean max"),
    *(policy_of(SMALL.replace("MAX", each), 42, "policy_type") for each in ("no", "010", "1_000", "12:30")),
    policy_of("", 43, "policy_unreadable", status=422),
    policy_of("\ufeff" + SMALL, 43, "policy_unreadable"),
    policy_of("a:\n\tb: 1\n", 43, "policy_unreadable"),
    policy_of("a: 1\n---\nb: 1\n", 43, "policy_unreadable"),
    policy_of("a: \udcff\n", 43, "policy_unreadable"),
    changed(44, "policy_inconsistent", "min 9 is above max 5", replicas={"min": 9, "max": 5}),
    *(asked(each, 45) for each in ("file:///etc/passwd", "gopher://x", "ftp://x/y")),
    *(asked(f"http://{each}/", 46) for each in ("169.254.169.254", "metadata.google.internal", "[fd00:ec2::254]")),
    *(
        asked(f"http://{each}/", 47)
        for each in ("0xA9FEA9FE", "2852039166", "[::ffff:169.254.169.254]", "0251.0376.0251.0376")
    ),
    *(asked(each, 50) for each in ("http://user:pw@host/", "//localhost/", "https://10.0.0.1:6443/")),
    changed(59, "derived_name_too_long", target={"namespace": "shop", "deployment": "a" * 63 + ".b", "service": "web"}),
)
"""What the reader of policies refuses, by the entry by which every run reads its own."""


def edit(kind: str, name: str, change: Callable[[Json], object]) -> Callable[[WebScene], None]:
    """Return what changes an object of the cluster."""

    def arranged(scene: WebScene) -> None:
        world = scene.simulation.world
        found = world.get(kind, NAMESPACE, name)
        assert found is not None
        change(found)
        found["metadata"].pop("managedFields", None)
        world.apply(found)

    return arranged


def planned(row: int, code: str, arrange: Callable[[WebScene], object], status: int = 200) -> BadInput:
    """Return the row of a workload that may not be scaled."""
    return BadInput(row=row, code=code, status=status, method="GET", arrange=arrange)


def pod_spec(deployment: Json) -> Json:
    """Return the spec of its pods."""
    found: Json = deployment["spec"]["template"]["spec"]
    return found


def of_another_workload(scene: WebScene) -> None:
    deployment = scene.simulation.world.get("deployments", NAMESPACE, "web")
    assert deployment is not None
    pod = {"containers": pod_spec(deployment)["containers"]}
    scene.simulation.world.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "stray", "namespace": NAMESPACE, "labels": {"app": "web"}},
            "spec": pod,
        }
    )


def with_an_hpa(scene: WebScene) -> None:
    scene.simulation.world.apply(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": NAMESPACE},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "minReplicas": 1,
                "maxReplicas": 2,
                "metrics": [],
            },
        }
    )


def with_a_small_quota(scene: WebScene) -> None:
    scene.simulation.world.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "small", "namespace": NAMESPACE},
            "spec": {"hard": {"pods": "3"}},
        }
    )


WORKLOADS: Final = (
    BadInput(row=24, code="factor_exceeded", method="GET", path="/scale/?name=web&pods=40", says="step_up"),
    planned(52, "service_unsupported", edit("services", "web", lambda each: each["spec"].pop("selector")), 422),
    planned(
        52, "service_unsupported", edit("services", "web", lambda each: each["spec"].update(clusterIP="None")), 422
    ),
    planned(53, "selector_ambiguous", of_another_workload, 422),
    planned(
        54,
        "workload_unsupported",
        edit("deployments", "web", lambda each: each["spec"].update(strategy={"type": "Recreate"})),
        422,
    ),
    planned(55, "rollout_in_progress", edit("deployments", "web", lambda each: each["spec"].update(paused=True)), 409),
    planned(
        56,
        "parallel_impossible",
        edit("deployments", "web", lambda each: pod_spec(each)["containers"][0]["ports"][0].update(hostPort=8080)),
        422,
    ),
    planned(
        57,
        "no_readiness",
        edit("deployments", "web", lambda each: pod_spec(each)["containers"][0].pop("readinessProbe")),
        422,
    ),
    planned(62, "autoscaler_conflict", with_an_hpa, 422),
    planned(63, "quota_short", with_a_small_quota),
)
"""What the planner refuses, by the entry by which `calculate_capacity` plans."""


ELSEWHERE: Final = {
    31: "unit/web/test_scale_call.py::test_the_same_key_with_another_request_is_a_conflict",
    33: "unit/web/test_scale_call.py::test_while_its_run_goes_on_a_service_is_busy",
    37: "unit/web/test_rates.py::test_who_asks_too_fast_is_told_when_to_come_back",
    48: "unit/verify/test_route_protections.py::test_a_redirect_is_an_answer_and_nobody_goes_there",
    49: "unit/verify/test_smoke.py::test_requests_go_to_the_service_itself",
    51: "unit/verify/test_route_protections.py::test_an_answer_that_goes_on_and_on_ends_at_the_timeout",
    58: "unit/plan/test_grace.py::test_a_refusal_tells_both_numbers_and_what_to_do",
    60: "sim/test_shared_services.py::test_a_switch_would_take_the_others_out",
    61: "unit/plan/test_findings.py::test_a_maximum_below_the_floor",
    64: "unit/plan/test_findings.py::test_a_field_of_a_gitops_tool_is_not_written",
    65: "unit/kube/test_error_translation.py::test_answers",
    66: "unit/kube/test_error_translation.py::test_answers",
    67: "unit/plan/test_rights.py::test_missing_rights_are_named_with_what_to_do",
    69: "unit/kube/test_error_translation.py::test_a_server_that_is_not_there_has_done_nothing",
    70: "unit/demand/test_demand_sources.py::test_absurd_values_are_no_demand",
}
"""Rows whose judge no single request reaches, and the test that meets it.

A policy names no address: its checks go to its own Service, by its IP, so that no name can be bound to another (49).
"""


async def answer_to(scene: WebScene, bad: BadInput) -> httpx.Response:
    bad.arrange(scene)
    async with scene.client(bad.caller, by_cookie=bad.by_cookie) as client:
        return await client.request(bad.method, bad.path, **bad.how)


@pytest.fixture
def scene(tmp_path: Path) -> WebScene:
    return WebScene.of(Simulation.of(2), tmp_path)


@pytest.mark.parametrize("bad", [*REQUESTS, *POLICIES, *WORKLOADS], ids=str)
async def test_the_answer(scene: WebScene, bad: BadInput) -> None:
    answer = await answer_to(scene, bad)
    body = answer.json()
    problems = [body, *body.get("violations", []), body.get("refused") or {}]
    told = " ".join(str(each.get("detail") or each.get("message")) for each in problems)

    assert (answer.status_code, bad.code in {each.get("code") for each in problems}) == (bad.status, True), body
    assert bad.says in told
    assert scene.starts.runs == []
    for secret in ("Traceback", "user:pw", 'File "', "\0", "\r"):
        assert secret not in answer.text


def test_the_table_is_whole() -> None:
    rows = {bad.row for bad in (*REQUESTS, *POLICIES, *WORKLOADS)}

    assert rows | ELSEWHERE.keys() == set(range(1, 71))
    for place in ELSEWHERE.values():
        file, _, name = place.partition("::")
        assert re.search(rf"def {name}\b", (ROOT / "tests" / file).read_text()), place
