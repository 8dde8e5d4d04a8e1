"""Given a workload under load, when it is scaled, then ...: each scenario reads as one sentence."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Self

from e2e import keda
from e2e.definitions import DEFINITIONS, RULES, SCALED_OBJECTS, Definition
from e2e.live_load import RATE, LiveLoad, Report, answers
from e2e.manifests import NAME, PORT, Json, Web, policy
from e2e.observer import OK, is_ready

if TYPE_CHECKING:
    import subprocess

    from e2e.clusters import Cluster
    from e2e.command import Finished, Springtide
    from e2e.keda import Operator
    from e2e.observer import Observer

FLOOR = "springtide.dev/floor"
TRAIL_SECONDS = 3
"""How long the load goes on after a run: longer than the last pod drains."""


@dataclass(frozen=True, slots=True)
class Before:
    """What there was before the run."""

    deployment: Json
    service: Json
    pods: dict[str, Json]
    inventory: set[tuple[str, str]]


@dataclass(slots=True)
class Scenario:
    """What the stages share."""

    cluster: Cluster
    see: Observer
    springtide: Springtide
    web: Web
    load: LiveLoad | None = None
    keda: Operator | None = None
    defined: list[Definition] = field(default_factory=list)

    def is_served(self, definition: Definition) -> bool:
        """Tell whether the cluster knows the resource."""
        return self.see.answer("GET", definition.plural, body={})[0] == OK

    def _is_gone(self, definition: Definition) -> bool:
        return not self.is_served(definition)

    def close(self) -> None:
        """Leave nothing running."""
        if self.keda is not None:
            self.keda.stop()
        for each in self.defined:
            self.see.undefine(DEFINITIONS, each.name)
            # the next scenario defines it anew, which only works once it has gone
            self.see.until(f"{each.plural} are served no more", partial(self._is_gone, each))
        if self.load is not None:
            self.load.kill()


@dataclass(slots=True)
class Given:
    """What is there before anything is scaled."""

    scenario: Scenario
    smoke_path: str = "/healthz"
    ready_within: str = "60s"
    raise_max: bool = False
    only_warn: tuple[str, ...] = ()

    def web(self, *, replicas: int) -> Self:
        """A workload whose replicas are all ready endpoints, and its policy."""
        scenario, see = self.scenario, self.scenario.see
        scenario.web = replace(scenario.web, replicas=replicas)
        for collection, manifest in scenario.web.objects():
            see.create(collection, manifest)
        see.until(f"{replicas} ready endpoints", lambda: len(see.ready_endpoints()) == replicas)
        see.until("the Deployment says so", lambda: _is_settled(see.get("deployments", NAME), replicas))
        return self

    def an_image_of_its_own(self) -> Self:
        """Pods that are made of an image which can be taken away."""
        name = f"localhost/web:{self.scenario.web.namespace}"
        self.scenario.cluster.provide_image(name)
        self.scenario.web = Web(self.scenario.web.namespace, image=name)
        return self

    def that_image_is_gone(self) -> Self:
        """Somebody cleaned up the registry and the nodes."""
        self.scenario.cluster.forget_image(self.scenario.web.image)
        return self

    def new_pods_start_with(self, variable: str, value: str) -> Self:
        """Somebody edited the ConfigMap: the pods that run keep what they started with."""
        self.scenario.see.patch("configmaps", NAME, {"data": {variable: value}})
        return self

    def a_quota_of(self, *, pods: int) -> Self:
        """The namespace may have that many pods and no more."""
        see = self.scenario.see
        see.create("resourcequotas", self.scenario.web.quota(pods))
        see.until("the quota counts", lambda: "used" in see.get("resourcequotas", NAME).get("status", {}))
        return self

    def an_autoscaler(self, low: int, high: int) -> Self:
        """An HPA owns the replicas; it has no metrics, so it keeps to its bounds."""
        see, reference = self.scenario.see, {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
        spec = {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": reference}
        see.create("horizontalpodautoscalers", self.scenario.web.autoscaler(spec))
        return self

    def keda(self, low: int, high: int) -> Self:
        """KEDA owns the replicas, through an HPA of its own."""
        see, has_keda = self.scenario.see, self.scenario.cluster.has_keda
        if not has_keda:
            self._defined(SCALED_OBJECTS)
        see.create("scaledobjects", keda.scaled_object(see.namespace, low, high))
        if not has_keda:
            self.scenario.keda = keda.Operator(see)
        see.until("KEDA made its HPA", lambda: len(see.objects("horizontalpodautoscalers")) == 1)
        return self

    def an_operator_of_prometheus(self) -> Self:
        """PrometheusRules are served."""
        self._defined(RULES)
        return self

    def the_resource_of_keda(self) -> Self:
        """ScaledObjects are served; where nobody works as KEDA's operator, nobody acts on them."""
        self._defined(SCALED_OBJECTS)
        return self

    def _defined(self, definition: Definition) -> None:
        """Have the resource served: the embedded cluster serves it anyway."""
        scenario, see = self.scenario, self.scenario.see
        if scenario.is_served(definition):
            return
        if see.define(DEFINITIONS, definition.manifest()):
            scenario.defined.append(definition)
        see.until(f"{definition.plural} are served", lambda: scenario.is_served(definition))

    def a_policy(
        self,
        *,
        smoke_path: str = "/healthz",
        ready_within: str = "60s",
        raise_max: bool = False,
        only_warn: tuple[str, ...] = (),
    ) -> Self:
        """The policy differs from the usual one."""
        self.smoke_path, self.ready_within = smoke_path, ready_within
        self.raise_max, self.only_warn = raise_max, only_warn
        return self

    def under_load(self, *, rate: int = RATE) -> When:
        """So many requests a second on fresh and as many on kept connections go through the Service, to the end."""
        scenario, see = self.scenario, self.scenario.see
        written = policy(
            see.namespace,
            smoke_path=self.smoke_path,
            ready_within=self.ready_within,
            raise_max=self.raise_max,
            only_warn=self.only_warn,
        )
        scenario.springtide.write_policy(written)
        before = Before(see.get("deployments", NAME), see.get("services", NAME), see.pods(), see.inventory())
        url = f"http://{before.service['spec']['clusterIP']}:{PORT}/"
        see.until("the Service answers", lambda: answers(url))  # a proxy learns of a new Service after the slices do
        scenario.load = LiveLoad(url, fresh=rate, kept=rate)
        scenario.load.watch_on(1)
        return When(scenario, before)


@dataclass(slots=True)
class When:
    """What is done."""

    scenario: Scenario
    before: Before

    def scaled(self, *, to: int, by: str) -> When:
        """Scale, and go on whatever comes of it: for scenarios of several runs."""
        run = self._run(to, by)
        assert run.exit_code == 0, f"{run}\n{self.scenario.see.describe()}"
        return self

    def killed_once_the_minimum_is(self, minimum: int) -> When:
        """Raise a floor, and kill the process when the minimum is written."""
        see = self.scenario.see
        process = self.scenario.springtide.start(NAME, replicas=minimum, strategy="floor")
        see.until(
            f"the minimum is {minimum}",
            lambda: see.get("horizontalpodautoscalers", NAME)["spec"]["minReplicas"] == minimum,
        )
        process.kill()
        process.wait(10)
        return self

    def reconciled(self) -> When:
        """Have the run whose owner is gone ended."""
        done = self.scenario.springtide.reconcile()
        assert done.exit_code == 0, f"{done}\n{self.scenario.see.describe()}"
        return self

    def with_exactly(self, replicas: int) -> When:
        """That many pods are there, Ready, and endpoints of the Service."""
        see, pods = self.scenario.see, self.scenario.see.pods()
        assert len(pods) == replicas, see.describe()
        assert all(is_ready(pod) for pod in pods.values()), see.describe()
        assert see.ready_endpoints() == set(pods), see.describe()
        return self

    def with_the_autoscaler_at(self, low: int, high: int, *, held: bool) -> When:
        """The HPA has these bounds, and springtide's note or none."""
        found = self.scenario.see.get("horizontalpodautoscalers", NAME)
        assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (low, high)
        assert (FLOOR in found["metadata"].get("annotations", {})) is held
        return self

    def with_the_scaled_object_at(self, low: int, high: int) -> When:
        """The ScaledObject has these bounds, and KEDA's HPA follows them by KEDA alone."""
        see = self.scenario.see
        assert bounds_of(see.get("scaledobjects", NAME)) == (low, high)
        (hpa,) = see.objects("horizontalpodautoscalers")
        assert FLOOR not in hpa["metadata"].get("annotations", {})
        return self

    def is_released(self) -> Then:
        """Give the floor back, watch a while longer, and stop the load."""
        return self.then(self.scenario.springtide.release(NAME))

    def is_scaled(self, *, to: int, by: str) -> Then:
        """Scale, watch a while longer, and stop the load."""
        return self.then(self._run(to, by))

    def begin(self, *, to: int, by: str) -> subprocess.Popen[str]:
        """Begin to scale, and return at once."""
        return self.scenario.springtide.begin(NAME, replicas=to, strategy=by)

    def then(self, run: Finished) -> Then:
        """Watch a while longer, and stop the load."""
        load = self.scenario.load
        assert load is not None
        load.watch_on(TRAIL_SECONDS)
        self.scenario.load = None
        return Then(self.scenario.see, self.before, run, load.stop())

    def _run(self, to: int, by: str) -> Finished:
        return self.scenario.springtide.run(NAME, replicas=to, strategy=by)


@dataclass(slots=True)
class Then:
    """What must be true afterwards."""

    see: Observer
    before: Before
    run: Finished
    reports: list[Report]

    def it_succeeded(self) -> Self:
        """The command says so, to the shell and in its record."""
        assert (self.run.exit_code, self.run.record.get("outcome")) == (0, "succeeded"), self._story()
        return self

    def it_ended(self, outcome: str) -> Self:
        """The command says so."""
        assert (self.run.exit_code, self.run.record.get("outcome")) == (0, outcome), self._story()
        return self

    def it_was_refused(self, code: str, *, because: str) -> Self:
        """The command says why, and that it never began."""
        assert (self.run.exit_code, self.run.record.get("outcome")) == (1, "failed"), self._story()
        assert self.run.error["code"] == code, self._story()
        assert because in self.run.error["message"], self._story()
        return self

    def nothing_written(self) -> Self:
        """The namespace holds what it held before, without even a Lease."""
        assert self.see.inventory() == self.before.inventory, self._story()
        return self

    def the_autoscaler_at(self, low: int, high: int) -> Self:
        """The HPA has its owner's bounds, and no note of springtide's."""
        found = self.see.get("horizontalpodautoscalers", NAME)
        assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (low, high), self._story()
        assert FLOOR not in found["metadata"].get("annotations", {}), self._story()
        return self

    def the_scaled_object_at(self, low: int, high: int) -> Self:
        """The ScaledObject has its owner's bounds, and no note of springtide's."""
        found = self.see.get("scaledobjects", NAME)
        assert bounds_of(found) == (low, high), self._story()
        assert FLOOR not in found["metadata"].get("annotations", {}), self._story()
        return self

    def it_failed(self, code: str, *, because: str) -> Self:
        """The command says so, with the cause in the cluster's own words, and that everything was undone."""
        assert (self.run.exit_code, self.run.record.get("outcome")) == (1, "rolled_back"), self._story()
        assert self.run.error["code"] == code, self._story()
        assert because in self.run.error["message"], self._story()
        return self

    def exactly(self, replicas: int) -> Self:
        """That many pods are there, Ready, and endpoints of the Service; no other Deployment is."""
        (deployment,) = self.see.objects("deployments")
        pods = self.see.pods()
        assert deployment["spec"]["replicas"] == replicas, self._story()
        assert deployment["status"].get("readyReplicas") == replicas, self._story()
        assert [name for name, pod in pods.items() if not is_ready(pod)] == [], self._story()
        assert len(pods) == replicas, self._story()
        assert self.see.ready_endpoints() == set(pods), self._story()
        assert not deployment["spec"].get("paused"), self._story()
        return self

    def the_service_as_before(self) -> Self:
        """The very Service, with every field of its spec as its owner wrote it."""
        service = self.see.get("services", NAME)
        assert service["metadata"]["uid"] == self.before.service["metadata"]["uid"]
        assert service["spec"] == self.before.service["spec"], self._story()
        return self

    def only_new_pods(self) -> Self:
        """The old set is gone, and the new one is what answered last."""
        assert set(self.see.pods()) & set(self.before.pods) == set(), self._story()
        assert all(report.pods & set(self.see.pods()) for report in self.reports), self._story()
        return self

    def the_same_pods_and(self, more: int) -> Self:
        """The Deployment is the very same; with growth its pods are all still there, with a shrink some of them."""
        (deployment,) = self.see.objects("deployments")
        old, now = set(self.before.pods), set(self.see.pods())
        assert deployment["metadata"]["uid"] == self.before.deployment["metadata"]["uid"]
        assert now >= old if more > 0 else now < old, self._story()
        return self

    def the_stable_set_untouched(self, *, same_pods: bool = True) -> Self:
        """The Deployment is the very same in every field of its spec, its pods are too, and none was restarted."""
        (deployment,) = self.see.objects("deployments")
        pods = self.see.pods()
        assert deployment["metadata"]["uid"] == self.before.deployment["metadata"]["uid"]
        assert deployment["spec"] == self.before.deployment["spec"], self._story()
        if same_pods:
            assert _lives(pods) == _lives(self.before.pods), self._story()
        return self.exactly(len(self.before.pods))

    def the_deployment_written_as_before(self) -> Self:
        """Its name, labels and spec are what they were, although it is another object."""
        (deployment,) = self.see.objects("deployments")
        for part in ("name", "labels"):
            assert deployment["metadata"].get(part) == self.before.deployment["metadata"].get(part), self._story()
        assert deployment["spec"] == self.before.deployment["spec"], self._story()
        return self

    def nothing_left_behind(self) -> Self:
        """The namespace holds what it held before, and the Lease, which is the record."""
        self.see.until("drained pods are gone", lambda: len(self.see.objects("pods")) == len(self.see.pods()))
        left = {(kind, name) for kind, name in self.see.inventory() if kind not in {"pods", "replicasets"}}
        had = {(kind, name) for kind, name in self.before.inventory if kind not in {"pods", "replicasets"}}
        assert _unnamed(left - had) == _unnamed(had - left) | {("leases", f"springtide-{NAME}")}, self._story()
        assert len(self.see.objects("replicasets")) == 1, self._story()
        return self

    def no_request_failed(self) -> Self:
        """Not one, of many."""
        assert [report.raw for report in self.reports if report.failed] == [], self._story()
        assert all(report.requests > 100 for report in self.reports), self._story()
        return self

    def _story(self) -> str:
        load = "\n".join(f"{report.kind}: {report.raw}" for report in self.reports)
        return f"{self.run}\n{self.see.describe()}\n{load}"


def bounds_of(scaled: Json) -> tuple[int, int]:
    """Return the bounds of a ScaledObject."""
    return scaled["spec"]["minReplicaCount"], scaled["spec"]["maxReplicaCount"]


def _is_settled(deployment: Json, replicas: int) -> bool:
    status = deployment["status"]
    seen = bool(status.get("observedGeneration") == deployment["metadata"]["generation"])
    return seen and status.get("availableReplicas") == status.get("updatedReplicas") == replicas


def _lives(pods: dict[str, Json]) -> dict[str, tuple[str, int]]:
    return {
        name: (pod["metadata"]["uid"], sum(each["restartCount"] for each in pod["status"]["containerStatuses"]))
        for name, pod in pods.items()
    }


def _unnamed(objects: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return the objects with the two names of a workload's sets taken as one: which of them serves may change."""
    return {(kind, NAME if name == f"{NAME}-alt" else name) for kind, name in objects}
