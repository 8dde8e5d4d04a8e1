"""Two clusters at once, reached by one process: each policy's run moves its own cluster, and nothing of the other."""

from __future__ import annotations

import json
import secrets
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cluster.lifecycle import Cluster
from cluster.link import LINK, linked_kubeconfig, linked_with
from cluster.settings import place_from_environment
from e2e.command import Springtide
from e2e.manifests import NAME, Json, Web, policy
from e2e.observer import Observer
from springtide.private_file import write_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from e2e.command import Finished
    from e2e.real_cluster import RealCluster

pytestmark = [pytest.mark.real_cluster, pytest.mark.linked]
LEASE = f"springtide-{NAME}"
START = 2


@dataclass(frozen=True, slots=True)
class Two:
    """The same names in both clusters; a policy is called as its cluster."""

    here: str
    there: str
    sees: dict[str, Observer]
    springtide: Springtide

    def run(self, cluster: str, replicas: int) -> Finished:
        """Run the policy of one cluster to its end."""
        return self.springtide.run(cluster, replicas=replicas, strategy="blue_green")

    def ready(self, cluster: str) -> int:
        """Return how many pods serve in a cluster."""
        return len(self.sees[cluster].ready_endpoints())

    def last_run(self, cluster: str) -> str:
        """Return the run that its free Lease remembers; empty where it has no Lease."""
        leases = {lease["metadata"]["name"]: lease for lease in self.sees[cluster].objects("leases")}
        if LEASE not in leases:
            return ""
        assert not leases[LEASE]["spec"].get("holderIdentity")
        state: Json = json.loads(leases[LEASE]["metadata"]["annotations"]["springtide.dev/state"])
        assert state["plan"]["target"]["cluster"] == cluster
        return str(state["run_id"])

    def versions(self, cluster: str) -> set[tuple[str, str]]:
        """Return everything that a run writes, with its version."""
        collections = ("deployments", "services", "replicasets", "leases")
        found = [each["metadata"] for name in collections for each in self.sees[cluster].objects(name)]
        return {(each["uid"], each["resourceVersion"]) for each in found}


def policy_of(cluster: str, namespace: str) -> Json:
    """Return the policy of the workload in one cluster; its smoke checks go through that one's API server."""
    document = policy(namespace, smoke_path="/healthz", ready_within="60s")
    spec = document["spec"]
    spec["target"]["cluster"] = cluster
    del spec["strategy"]["probe"]  # a Service of the other cluster has no route from here
    spec["smoke"] = [{"http": {"path": "/healthz", "samples": 3, "via": "api_server"}}]
    return document | {"metadata": {"name": cluster, "owner": "e2e"}}


@pytest.fixture
def two(cluster: RealCluster, tmp_path: Path) -> Iterator[Two]:
    assert cluster.own is not None
    both = linked_kubeconfig(cluster.own.place)
    there = linked_with(cluster.own)
    assert there is not None
    namespace = f"e2e-{secrets.token_hex(4)}"
    springtide = Springtide(both, tmp_path)
    sees = {name: Observer(_current(both, name, tmp_path), namespace) for name in (cluster.own.place.name, there)}
    web = Web(namespace, replicas=START)
    for name, see in sees.items():
        see.create_namespace()
        for collection, manifest in web.objects():
            see.create(collection, manifest)
        springtide.write_policy(policy_of(name, namespace))
    for see in sees.values():
        see.until("the pods serve", lambda see=see: len(see.ready_endpoints()) == START)  # type: ignore[misc]
    yield Two(cluster.own.place.name, there, sees, springtide)
    for see in sees.values():
        see.delete_namespace()
        see.close()


def _current(both: Path, context: str, folder: Path) -> Path:
    """Return the same kubeconfig, in which `context` is the current one."""
    written = folder / f"{context}.kubeconfig"
    write_private(written, json.dumps(json.loads(both.read_text()) | {"current-context": context}))
    return written


@contextmanager
def cut() -> Iterator[None]:
    """Take the wire down: packets to the other cluster go nowhere."""
    own = Cluster.get(place_from_environment())
    subprocess.run(own.inside(["ip", "link", "set", LINK, "down"]), check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(own.inside(["ip", "link", "set", LINK, "up"]), check=True, timeout=10)


def test_each_run_moves_its_own_cluster_alone(two: Two) -> None:
    untouched = two.versions(two.there)

    done = two.run(two.here, 4)

    assert done.record.get("outcome") == "succeeded", done
    assert (two.ready(two.here), two.ready(two.there)) == (4, START)
    assert two.last_run(two.here) == done.record["run_id"]
    assert two.versions(two.there) == untouched

    untouched = two.versions(two.here)

    done = two.run(two.there, 3)

    assert done.record.get("outcome") == "succeeded", done
    assert done.record["target"]["cluster"] == two.there
    assert (two.ready(two.here), two.ready(two.there)) == (4, 3)
    assert two.last_run(two.there) == done.record["run_id"]
    assert two.versions(two.here) == untouched


def test_a_cluster_that_is_away_is_told_and_takes_nothing_of_the_other_with_it(two: Two) -> None:
    with cut():
        done = two.run(two.here, 3)
        swept = two.springtide.reconcile()

    assert done.record.get("outcome") == "succeeded", done
    assert two.ready(two.here) == 3
    assert swept.exit_code == 75, swept
    assert f"cluster {two.there}: " in swept.errors

    assert two.springtide.reconcile().exit_code == 0
