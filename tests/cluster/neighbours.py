"""What stands beside springtide in a cluster: autoscalers and controllers of other projects, the real programs.

Each is compiled (`cluster.modules`), becomes an image of one or two binaries, and runs in a pod with the rights of an
administrator: what is tested is what they do, not what they may. Their custom resources are those that they publish.
"""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.build import locked, say
from cluster.certificates import sign
from cluster.fake_nodes import MARK, MOST, fake_node
from cluster.image import Image
from cluster.modules import ARGO_ROLLOUTS, KEDA, KWOK, METRICS_SERVER, PROMETHEUS_OPERATOR, GoPrograms
from cluster.second_node import join
from cluster.settings import FIRST, SECOND, SOURCES, ClusterError, Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from cluster.lifecycle import Cluster

Json = dict[str, Any]

READY_SECONDS = 180
KEDA_ADDRESS = "10.96.0.66"
"""The Service of KEDA's operator has an address that is known before: pods have no DNS."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """One of them. `objects` returns what is applied, for it and the cluster's folder of certificates.

    `resources` says which files of its module hold its custom resources, `apis` what an API server of its own answers.
    Without `deployments` nothing is compiled or started: its custom resources are served, and nobody acts on them.
    """

    programs: GoPrograms
    namespace: str
    deployments: tuple[str, ...]
    objects: Callable[[Neighbour, Path], list[Json]]
    resources: str = ""
    apis: tuple[str, ...] = field(default_factory=tuple)

    @property
    def image(self) -> str:
        """The name of its image."""
        return f"localhost/{self.programs.name}:{self.programs.version}"


def install(cluster: Cluster, name: str) -> None:
    """Have a neighbour run in the cluster, and wait until it does; repeating it changes nothing.

    Raises:
        ClusterError: there is none of that name, it cannot be compiled, or it does not come up.
    """
    if name not in NAMES:
        raise ClusterError(f"{name!r}: one of {', '.join(NAMES)} is needed")
    if name == SECOND.name:
        join(cluster)
    else:
        _run_in(cluster, name, NEIGHBOURS[name])
    cluster.place.neighbours.mkdir(exist_ok=True)
    (cluster.place.neighbours / name).touch()


def installed(place: Place) -> frozenset[str]:
    """Return the names of those that run in the cluster at `place`."""
    return frozenset(file.name for file in place.neighbours.glob("*"))


def add_fake_nodes(cluster: Cluster, count: int) -> None:
    """Have so many fake nodes in the cluster, and wait until all are Ready; those that are there stay.

    Raises:
        ClusterError: KWOK does not run there, which would report for them, or they are too many.
    """
    if "kwok" not in installed(cluster.place):
        raise ClusterError("fake nodes need somebody who reports for them: `cluster with kwok`")
    if not 1 <= count <= MOST:
        raise ClusterError(f"{count} fake nodes: 1 to {MOST} are possible")
    say(f"making {count} fake nodes")
    _kubectl(cluster, "apply", "--filename=-", documents=[fake_node(each) for each in range(count)])
    within = f"--timeout={READY_SECONDS}s"
    _kubectl(cluster, "wait", "--for=condition=Ready", "node", f"--selector={MARK}", within)


def _run_in(cluster: Cluster, name: str, neighbour: Neighbour) -> None:
    programs = neighbour.programs.compiled() if neighbour.deployments else None
    with locked(f"{cluster.place.cgroup}-neighbours"):
        say(f"starting {name} {neighbour.programs.version}")
        if neighbour.resources:
            files = sorted(neighbour.programs.source().glob(neighbour.resources))
            _kubectl(cluster, "apply", "--server-side", *(f"--filename={file}" for file in files))
        if programs is not None:
            _load(cluster, neighbour, programs)
            _start(cluster, neighbour)


def _start(cluster: Cluster, neighbour: Neighbour) -> None:
    objects = [*_foundation(neighbour), *neighbour.objects(neighbour, cluster.place.certificates)]
    _kubectl(cluster, "apply", "--server-side", "--filename=-", documents=objects)
    within = f"--timeout={READY_SECONDS}s"
    for deployment in neighbour.deployments:
        wait = ("wait", "--for=condition=Available", f"deployment/{deployment}", within)
        _kubectl(cluster, "--namespace", neighbour.namespace, *wait)
    for api in neighbour.apis:
        _kubectl(cluster, "wait", "--for=condition=Available", f"apiservice/{api}", within)


def _load(cluster: Cluster, neighbour: Neighbour, programs: Path) -> None:
    files = {f"bin/{program}": programs / program for program in neighbour.programs.packages}
    with tempfile.TemporaryDirectory(dir=cluster.place.run) as folder:
        archive = Path(folder) / "image.tar"
        Image(neighbour.image, (), files).write(archive)
        _run(cluster.ctr("images", "import", str(archive)))


def _kubectl(cluster: Cluster, *arguments: str, documents: list[Json] | None = None) -> None:
    given = None if documents is None else json.dumps({"apiVersion": "v1", "kind": "List", "items": documents})
    kubectl = [str(cluster.built.binaries / "kubectl"), "--kubeconfig", str(cluster.place.kubeconfig)]
    _run(cluster.inside([*kubectl, *arguments]), given=given)


def _run(command: list[str], *, given: str | None = None) -> None:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=READY_SECONDS + 30, check=False)
    if done.returncode != 0:
        raise ClusterError(f"`{' '.join(command[:12])}` ended with {done.returncode}: {done.stderr.strip()}")


def _foundation(neighbour: Neighbour) -> list[Json]:
    """Return its namespace, and its account with all rights."""
    account = neighbour.programs.name
    subject = {"kind": "ServiceAccount", "name": account, "namespace": neighbour.namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": neighbour.namespace}},
        _object("v1", "ServiceAccount", account, neighbour.namespace),
        _object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", account, roleRef=role, subjects=[subject]),
    ]


def _object(version: str, kind: str, name: str, namespace: str = "", **content: Any) -> Json:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


def _deployment(neighbour: Neighbour, name: str, container: Json, **pod: Any) -> Json:
    """Return a Deployment of one pod on the first node, which has the image."""
    labels = {"app": name}
    container = {"name": name, "image": neighbour.image, "imagePullPolicy": "Never", **container}
    volumes = [{"name": "scratch", "emptyDir": {}}, *pod.pop("volumes", [])]
    container["volumeMounts"] = [{"name": "scratch", "mountPath": "/tmp"}, *container.get("volumeMounts", [])]
    template = {
        "serviceAccountName": neighbour.programs.name,
        "nodeSelector": {"kubernetes.io/hostname": FIRST.name},
        "containers": [container],
        "volumes": volumes,
        **pod,
    }
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": template},
    }
    return _object("apps/v1", "Deployment", name, neighbour.namespace, spec=spec)


def _service(neighbour: Neighbour, name: str, *, port: int, target: int, address: str = "") -> Json:
    spec = {"selector": {"app": name}, "ports": [{"port": port, "targetPort": target}]}
    fixed = {"clusterIP": address} if address else {}
    return _object("v1", "Service", name, neighbour.namespace, spec=spec | fixed)


def _api(neighbour: Neighbour, api: str, service: str, **trust: Any) -> Json:
    version, _, group = api.partition(".")
    spec = {
        "service": {"name": service, "namespace": neighbour.namespace},
        "group": group,
        "version": version,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        **trust,
    }
    return _object("apiregistration.k8s.io/v1", "APIService", api, spec=spec)


def _probe(port: int, path: str = "/readyz", scheme: str = "HTTP") -> Json:
    return {"httpGet": {"path": path, "port": port, "scheme": scheme}, "periodSeconds": 1}


def _metrics_server(me: Neighbour, _: Path) -> list[Json]:
    arguments = [
        "--cert-dir=/tmp",
        "--secure-port=10250",
        "--kubelet-insecure-tls",  # the kubelet signs its own certificate here
        "--kubelet-preferred-address-types=InternalIP",
        "--metric-resolution=10s",
        "--kubelet-request-timeout=5s",
    ]
    container = {
        "command": ["/bin/metrics-server", *arguments],
        "readinessProbe": _probe(10250, scheme="HTTPS"),
    }
    return [
        _deployment(me, "metrics-server", container),
        _service(me, "metrics-server", port=443, target=10250),
        _api(me, me.apis[0], "metrics-server", insecureSkipTLSVerify=True),
    ]


def _keda(me: Neighbour, certificates: Path) -> list[Json]:
    operator = f"keda-operator.{me.namespace}.svc"
    names = [f"keda-metrics-apiserver.{me.namespace}.svc", operator, f"{operator}.cluster.local"]
    sign(certificates, "keda", ",".join(f"DNS:{name}" for name in names))
    files = {"ca.crt": "ca.crt", "tls.crt": "keda.crt", "tls.key": "keda.key"}
    secret = {name: base64.b64encode((certificates / file).read_bytes()).decode() for name, file in files.items()}
    shared = {
        "env": [{"name": "POD_NAMESPACE", "value": me.namespace}, {"name": "WATCH_NAMESPACE", "value": ""}],
        "volumeMounts": [{"name": "certificates", "mountPath": "/certs", "readOnly": True}],
    }
    volumes = [{"name": "certificates", "secret": {"secretName": "kedaorg-certs"}}]
    operates = {"command": ["/bin/keda-operator"], "readinessProbe": _probe(8081), **shared}
    signed = [
        "--cert-dir=/certs",
        "--client-ca-file=/certs/ca.crt",
        "--tls-cert-file=/certs/tls.crt",
        "--tls-private-key-file=/certs/tls.key",
    ]
    adapts = {
        "command": ["/bin/keda-adapter", "--secure-port=6443", *signed],
        "readinessProbe": _probe(6443, scheme="HTTPS"),
        **shared,
    }
    known = [{"ip": KEDA_ADDRESS, "hostnames": [f"{operator}.cluster.local"]}]
    return [
        _object("v1", "Secret", "kedaorg-certs", me.namespace, data=secret),
        _deployment(me, "keda-operator", operates, volumes=volumes),
        _service(me, "keda-operator", port=9666, target=9666, address=KEDA_ADDRESS),
        _deployment(me, "keda-metrics-apiserver", adapts, volumes=volumes, hostAliases=known),
        _service(me, "keda-metrics-apiserver", port=443, target=6443),
        _api(me, me.apis[0], "keda-metrics-apiserver", caBundle=secret["ca.crt"]),
    ]


def _argo_rollouts(me: Neighbour, _: Path) -> list[Json]:
    container = {
        "command": ["/bin/rollouts-controller", "--leader-elect=false"],
        "readinessProbe": _probe(8080, path="/healthz"),
    }
    return [_deployment(me, "argo-rollouts", container)]


def _kwok(me: Neighbour, _: Path) -> list[Json]:
    stages = (SOURCES / "kwok" / "stages.yaml").read_text()
    command = [
        "/bin/kwok",
        "--kubeconfig=",  # it is in a pod, and asks as that
        "--config=/etc/kwok/stages.yaml",
        "--manage-all-nodes=false",
        f"--manage-nodes-with-label-selector={MARK}=true",
        "--node-lease-duration-seconds=100",  # renewed each 25 s: nodes count as lost after 50
        "--server-address=0.0.0.0:10247",
    ]
    container = {
        "command": command,
        "env": [{"name": "HOME", "value": "/tmp"}],
        "readinessProbe": _probe(10247),
        "volumeMounts": [{"name": "stages", "mountPath": "/etc/kwok", "readOnly": True}],
    }
    volumes = [{"name": "stages", "configMap": {"name": "stages"}}]
    return [
        _object("v1", "ConfigMap", "stages", me.namespace, data={"stages.yaml": stages}),
        _deployment(me, "kwok-controller", container, volumes=volumes),
    ]


NEIGHBOURS = {
    "metrics-server": Neighbour(
        programs=METRICS_SERVER,
        namespace="kube-system",
        deployments=("metrics-server",),
        objects=_metrics_server,
        apis=("v1beta1.metrics.k8s.io",),
    ),
    "keda": Neighbour(
        programs=KEDA,
        namespace="keda",
        deployments=("keda-operator", "keda-metrics-apiserver"),
        objects=_keda,
        resources="config/crd/bases/*.yaml",
        apis=("v1beta1.external.metrics.k8s.io",),
    ),
    "argo-rollouts": Neighbour(
        programs=ARGO_ROLLOUTS,
        namespace="argo-rollouts",
        deployments=("argo-rollouts",),
        objects=_argo_rollouts,
        resources="manifests/crds/*-crd.yaml",
    ),
    "kwok": Neighbour(programs=KWOK, namespace="kwok", deployments=("kwok-controller",), objects=_kwok),
    "prometheus-operator": Neighbour(
        programs=PROMETHEUS_OPERATOR,
        namespace="",
        deployments=(),
        objects=lambda _me, _certificates: [],
        resources="example/prometheus-operator-crd/*.yaml",
    ),
}
NAMES = (*NEIGHBOURS, SECOND.name)
