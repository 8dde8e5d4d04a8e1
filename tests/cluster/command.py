"""The command line."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from typing import TYPE_CHECKING

from cluster.build import build, obstacle, say
from cluster.lifecycle import Cluster, down, up
from cluster.link import link
from cluster.neighbours import NAMES, add_fake_nodes, install
from cluster.settings import REPOSITORY, ClusterError, Place, place_from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ABOUT = """A real Kubernetes without Docker, in namespaces of its own (docs/testing-on-a-real-cluster.md)."""


def main(arguments: Sequence[str]) -> int:
    """Do what was asked; return the exit code."""
    chosen = parser().parse_args(arguments)
    try:
        return VERBS[chosen.verb][0](chosen.arguments)
    except ClusterError as error:
        say(str(error))
        return 1


def parser() -> argparse.ArgumentParser:
    """Return the parser; every verb takes the rest of the line."""
    parser = argparse.ArgumentParser(prog="cluster", description=ABOUT)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (_, about) in VERBS.items():
        verb = verbs.add_parser(name, help=about, description=about, prefix_chars="\0", add_help=False)
        verb.add_argument("arguments", nargs=argparse.REMAINDER)
    return parser


def check(_: Sequence[str]) -> int:
    """Say whether this machine can."""
    reason = obstacle()
    if reason:
        say(reason)
    return 1 if reason else 0


def make(_: Sequence[str]) -> int:
    """Build."""
    built = build()
    print(built.binaries, built.images, sep="\n")  # noqa: T201  (the answer of a command)
    return 0


def bring_up(_: Sequence[str]) -> int:
    """Start."""
    up(place_from_environment())
    return 0


def bring_up_with(neighbours: Sequence[str]) -> int:
    """Start, and have neighbours run."""
    if not neighbours:
        raise ClusterError(f"with needs names: {', '.join(NAMES)}")
    cluster = up(place_from_environment())
    for name in neighbours:
        install(cluster, name)
    return 0


def make_fake_nodes(counts: Sequence[str]) -> int:
    """Make nodes that KWOK reports for."""
    if len(counts) != 1 or not counts[0].isdecimal():
        raise ClusterError("fake-nodes needs their number: `cluster fake-nodes 1000`")
    add_fake_nodes(Cluster.get(place_from_environment()), int(counts[0]))
    return 0


def link_with(names: Sequence[str]) -> int:
    """Have two clusters reach each other."""
    if len(names) != 1:
        raise ClusterError("link needs the name of the other cluster: `cluster link second`")
    here = Cluster.get(place_from_environment())
    print(link(here, Cluster.get(Place(names[0]))))  # noqa: T201  (the answer of a command)
    return 0


def bring_down(_: Sequence[str]) -> int:
    """Stop."""
    down(place_from_environment())
    return 0


def run_inside(command: Sequence[str]) -> int:
    """Become the command, inside."""
    if not command:
        raise ClusterError("exec needs a command: `cluster exec kubectl get pods`")
    cluster = Cluster.get(place_from_environment())
    return become(cluster.inside(command), cluster)


def run_ctr(arguments: Sequence[str]) -> int:
    """Become containerd's client."""
    cluster = Cluster.get(place_from_environment())
    return become(cluster.ctr(*arguments), cluster)


def run_load(arguments: Sequence[str]) -> int:
    """Become the load generator, inside."""
    cluster = Cluster.get(place_from_environment())
    os.environ["PYTHONPATH"] = str(REPOSITORY / "include")
    python = REPOSITORY / ".venv" / "bin" / "python"
    return become(cluster.inside([str(python), "-m", "springtide.sandbox.load", *arguments]), cluster)


def show_environment(_: Sequence[str]) -> int:
    """Print exports for a shell."""
    cluster = Cluster.get(place_from_environment())
    values = {"KUBECONFIG": str(cluster.place.kubeconfig), "NETNS": f"/proc/{cluster.pid}/ns/net"}
    print("export", shlex.join(f"{name}={value}" for name, value in values.items()))  # noqa: T201  (the answer)
    return 0


def become(command: Sequence[str], cluster: Cluster) -> int:
    """Replace this process."""
    sys.stdout.flush()
    os.execvpe(command[0], list(command), cluster.environment())


VERBS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "check": (check, "say in one line what keeps this machine from running a cluster; exit code 0 when nothing does"),
    "build": (make, "install packages, compile Kubernetes and the images; cached, several minutes the first time"),
    "up": (bring_up, "start the cluster and wait until its node is Ready; builds first; repeating it changes nothing"),
    "with": (bring_up_with, f"the same, and have these run in it: {', '.join(NAMES)} (a second node)"),
    "fake-nodes": (make_fake_nodes, "have so many nodes that only KWOK reports for; needs `with kwok`"),
    "link": (
        link_with,
        "let processes inside reach the API server of another cluster; prints a kubeconfig of both",
    ),
    "down": (bring_down, "stop the cluster and remove everything of it but the cache"),
    "exec": (run_inside, "run a command in the cluster's network, with KUBECONFIG and kubectl"),
    "env": (show_environment, "print exports for a shell: KUBECONFIG, and NETNS for `nsenter --net=$NETNS`"),
    "load": (run_load, "send HTTP load from inside and count every failure (springtide.sandbox.load)"),
    "ctr": (run_ctr, "run containerd's client on the node's images and containers"),
}
