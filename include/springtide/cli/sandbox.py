"""`springtide sandbox`: the embedded cluster, until Ctrl-C."""

from __future__ import annotations

import asyncio
import io
import signal
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from springtide.cli.answers import answering
from springtide.cli.display import answer, tell
from springtide.cli.options import Output
from springtide.clock import SystemClock
from springtide.errors import InputError
from springtide.extras import require_packages
from springtide.private_file import write_private

if TYPE_CHECKING:
    from collections.abc import Iterator

    from springtide.sandbox.cluster import Cluster

CONTEXT: Final = "springtide-sandbox"
DEFAULT_KUBECONFIG: Final = Path(".springtide/kubeconfig")

KubeconfigOption = Annotated[Path, typer.Option(help="Where the kubeconfig is written; removed at the end.")]
ManifestOption = Annotated[list[Path] | None, typer.Option("--manifest", "-f", help="Objects to begin with (YAML).")]
HostOption = Annotated[
    str | None,
    typer.Option(metavar="ADDRESS", help="Of the API server: an address of loopback, 127.x.y.z. No other is taken."),
]
NodesOption = Annotated[int, typer.Option(min=1, max=9, help="How many nodes the cluster has.")]
PortOption = Annotated[int, typer.Option(min=1, max=65535, help="Of the API server.")]


def sandbox(
    *,
    kubeconfig: KubeconfigOption = DEFAULT_KUBECONFIG,
    manifest: ManifestOption = None,
    host: HostOption = None,
    port: PortOption = 6443,
    nodes: NodesOption = 1,
) -> None:
    """Start the embedded cluster: a small Kubernetes with real HTTP pods on loopback. Until Ctrl-C."""
    from springtide.load.loop import loop_factory

    with answering(Output.TABLE), asyncio.Runner(loop_factory=loop_factory()) as runner:
        require_packages("sandbox", "jsonpatch")
        address = _own_address(host)
        documents = [document for path in manifest or () for document in read_manifest(path)]
        runner.run(_serve(kubeconfig, documents, address, port=port, nodes=nodes))


async def _serve(kubeconfig: Path, documents: list[dict[str, Any]], host: str | None, *, port: int, nodes: int) -> None:
    from springtide.sandbox.cluster import start_cluster
    from springtide.sandbox.core import Settings

    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    cluster = start_cluster(SystemClock(), Settings(nodes=nodes), port=port, host=host)
    try:
        _apply(cluster, documents)
        with _way_in(kubeconfig, cluster.url):
            _tell(cluster, kubeconfig)
            await ended.wait()
    finally:
        await cluster.stop()


def _own_address(host: str | None) -> str | None:
    """Return the address that `--host` means.

    Raises:
        InputError: it is not one of loopback (`host_not_loopback`).
    """
    from springtide.sandbox.loopback import is_loopback

    address = "127.0.0.1" if host == "localhost" else host
    if address is None or (is_loopback(address) and ":" not in address):
        return address
    raise InputError(
        f"host: {host!r} is not an address of loopback such as 127.0.0.1. Whoever reaches the sandbox is its "
        "administrator, so only this machine may. From elsewhere use a tunnel: ssh -L 6443:127.0.0.1:6443.",
        code="host_not_loopback",
        field="host",
    )


def read_manifest(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a YAML file.

    Raises:
        InputError: there is no such file, or it holds something else than Kubernetes objects.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    from springtide.sandbox.manifests import objects_of

    try:
        loaded = [document for document in YAML(typ="safe").load_all(path) if document is not None]
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise _refused(path, f"cannot be read: {error}") from error
    documents = [obj for document in loaded for obj in objects_of(document)]
    for number, document in enumerate(documents, 1):
        if not isinstance(document, dict) or not {"apiVersion", "kind", "metadata"} <= document.keys():
            raise _refused(
                path, f"document {number} is not a Kubernetes object: apiVersion, kind and metadata are needed"
            )
    return documents


def _apply(cluster: Cluster, documents: list[dict[str, Any]]) -> None:
    from springtide.sandbox.status import ApiError

    for document in documents:
        what = f"{document['kind']} {document['metadata'].get('name')}"
        try:
            cluster.apply(document)
        except ApiError as error:
            raise InputError(f"manifest: {what}: {error}", code="manifest_refused", field="manifest") from error
        except KeyError:
            # a team's manifests hold more than a service needs to run: certificates, dashboards, routes
            skipped = f"Skipped {what}: the sandbox does not serve {document['apiVersion']} {document['kind']}."
            tell(skipped)


@contextmanager
def _way_in(path: Path, server: str) -> Iterator[None]:
    """Keep a kubeconfig in `path` for the length of the block; it appears whole, since others wait for it."""
    from ruamel.yaml import YAML

    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CONTEXT, "cluster": {"server": server}}],
        "users": [{"name": CONTEXT, "user": {}}],
        "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        "current-context": CONTEXT,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    YAML().dump(document, text)
    write_private(path, text.getvalue())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _tell(cluster: Cluster, kubeconfig: Path) -> None:
    answer(f"Kubernetes API  {cluster.url}")
    for name, url in cluster.addresses().items():
        answer(f"Service         {name} at {url}")
    answer(f"export KUBECONFIG={kubeconfig.resolve()}")
    tell("Ctrl-C ends it.")


def _refused(path: Path, problem: str) -> InputError:
    return InputError(f"manifest: {path}: {problem}.", code="manifest_invalid", field="manifest")
