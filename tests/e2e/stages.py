"""Given a workload under load, when it is scaled, then ...: each scenario reads as one sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from e2e import keda
from e2e.definitions import DEFINITIONS, RULES, SCALED_OBJECTS, Definition
from e2e.live_load import RATE, LiveLoad, answers
from e2e.manifests import NAME, PORT, Json, Web, policy
from e2e.observer import is_ready
from e2e.outcomes import FLOOR, Then, bounds_of, owned_by_springtide
from e2e.scenario import Before, Scenario

if TYPE_CHECKING:
    import subprocess

    from e2e.command import Finished

TRAIL_SECONDS = 3
"""How long the load goes on after a run: longer than the last pod drains."""


@dataclass(slots=True)
class Given:
    """What is there before anything is scaled."""

    scenario: Scenario
    smoke_path: str = "/healthz"
    ready_within: str = "60s"
    raise_max: bool = False
    overlap: str = "full"
    only_warn: tuple[str, ...] = ()
    drain: str = "1s"

    def web(self, *, replicas: int) -> Self:
        """A workload whose replicas are all ready endpoints, and its policy."""
        scenario = self.scenario
        see = self.scenario.see
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
        see = self.scenario.see
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": NAME}
        spec = {"minReplicas": low, "maxReplicas": high, "scaleTargetRef": reference}
        see.create("horizontalpodautoscalers", self.scenario.web.autoscaler(spec))
        return self

    def keda(self, low: int, high: int) -> Self:
        """KEDA owns the replicas, through an HPA of its own."""
        see = self.scenario.see
        has_keda = self.scenario.cluster.has_keda
        if not has_keda:
            self._defined(SCALED_OBJECTS)
        see.create("scaledobjects", keda.scaled_object(see.namespace, low, high))
        if not has_keda:
            self.scenario.keda = keda.Operator(see)
        see.until("KEDA made its HPA", lambda: len(see.objects("horizontalpodautoscalers")) == 1)
        return self

    def an_operator_of_prometheus(self) -> Self:
        """PrometheusRules are served, and the command is whoever may apply autoscalers: an account of its own."""
        self._defined(RULES)
        scenario = self.scenario
        mine = scenario.springtide
        kubeconfig = scenario.cluster.kubeconfig_for(scenario.see, mine.folder, "rbac-autoscaler.yaml")
        scenario.springtide = replace(mine, kubeconfig=kubeconfig)
        return self

    def the_resource_of_keda(self) -> Self:
        """ScaledObjects are served; where nobody works as KEDA's operator, nobody acts on them."""
        self._defined(SCALED_OBJECTS)
        return self

    def _defined(self, definition: Definition) -> None:
        """Have the resource served: the embedded cluster serves it anyway."""
        scenario = self.scenario
        see = self.scenario.see
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
        overlap: str = "full",
        only_warn: tuple[str, ...] = (),
        drain: str = "1s",
    ) -> Self:
        """The policy differs from the usual one."""
        self.smoke_path = smoke_path
        self.ready_within = ready_within
        self.raise_max = raise_max
        self.overlap = overlap
        self.only_warn = only_warn
        self.drain = drain
        return self

    def policy(self) -> Json:
        """Return the policy as `a_policy` says, for the scenario's namespace."""
        document = policy(
            self.scenario.see.namespace,
            smoke_path=self.smoke_path,
            ready_within=self.ready_within,
            raise_max=self.raise_max,
            overlap=self.overlap,
            only_warn=self.only_warn,
        )
        document["spec"]["strategy"]["drain"] = self.drain
        return document

    def under_load(self, *, rate: int = RATE) -> When:
        """So many requests a second on fresh and as many on kept connections go through the Service, to the end."""
        scenario = self.scenario
        see = self.scenario.see
        scenario.springtide.write_policy(self.policy())
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
        see = self.scenario.see
        pods = self.scenario.see.pods()
        assert len(pods) == replicas, see.describe()
        assert all(is_ready(pod) for pod in pods.values()), see.describe()
        assert see.ready_endpoints() == set(pods), see.describe()
        return self

    def with_the_autoscaler_at(self, low: int, high: int, *, held: bool) -> When:
        """The HPA has these bounds, and springtide's note or none."""
        hpa = self.scenario.see.get("horizontalpodautoscalers", NAME)
        assert (hpa["spec"]["minReplicas"], hpa["spec"]["maxReplicas"]) == (low, high)
        assert (FLOOR in hpa["metadata"].get("annotations", {})) is held
        return self

    def with_the_scaled_object_at(self, low: int, high: int) -> When:
        """The ScaledObject has these bounds, and its HPA follows them by KEDA alone, which copies annotations to it."""
        see = self.scenario.see
        assert bounds_of(see.get("scaledobjects", NAME)) == (low, high)
        (hpa,) = see.objects("horizontalpodautoscalers")
        assert owned_by_springtide(hpa) == set()
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


def _is_settled(deployment: Json, replicas: int) -> bool:
    status = deployment["status"]
    seen = bool(status.get("observedGeneration") == deployment["metadata"]["generation"])
    return seen and status.get("availableReplicas") == status.get("updatedReplicas") == replicas
