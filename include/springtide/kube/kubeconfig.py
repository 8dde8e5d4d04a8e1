"""Which cluster a command means, and how it signs in there: kubectl's order, so that both mean the same one.

1. `--kubeconfig FILE`: this file alone.
2. `KUBECONFIG`: the files of its list, joined. Of two entries of one name, and of two current contexts, the first
   counts. Files that are not there are passed over. While it is set, `~/.kube/config` is not read.
3. `~/.kube/config`.
4. The service account of the pod that this runs in, when none of these says where to go.

`--context` chooses among the contexts of what was read, and is never answered by the service account. Where kubectl
would go to another place than the one that was named, this refuses: a file of `--kubeconfig` without a current context,
and a context whose cluster is in no file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from springtide.errors import InputError
from springtide.kube.objects import Json

if TYPE_CHECKING:
    from kubernetes.client import Configuration

VARIABLE: Final = "KUBECONFIG"
IN_CLUSTER: Final = "in-cluster"
"""What the service account of a pod is called, which has no context."""

NO_VARIABLES: Final[Mapping[str, str]] = {}
_ADVICE: Final = "Pass --kubeconfig FILE, or --context NAME."


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterAddress:
    """Where a client goes: a context's name (`in-cluster` for a pod's service account) and the server's URL.

    The URL holds no credentials. `missing` are the files that were named and are not there.
    """

    context: str
    server: str
    missing: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = "in-cluster service account" if self.context == IN_CLUSTER else f"context {self.context}"
        left_out = f" ({VARIABLE} names files that are not there: {', '.join(self.missing)})" if self.missing else ""
        return f"{name}, server {self.server}{left_out}"

    def to_record(self) -> dict[str, Any]:
        """Return the form for programs."""
        return {"context": self.context, "server": self.server}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """A cluster that was found; `files` are those it was read from, none for a pod's service account."""

    address: ClusterAddress
    files: tuple[Path, ...]
    environment: Mapping[str, str]

    def settings(self) -> Configuration:
        """Return the client's configuration, credentials included. May start a program that hands out credentials.

        Raises:
            InputError: the credentials cannot be used (`cluster_unreachable`).
        """
        from kubernetes import config
        from kubernetes.client import Configuration
        from kubernetes.config.kube_config import ENV_KUBECONFIG_PATH_SEPARATOR

        settings = Configuration()
        # urllib3 would send a write again by itself; whether it may be is decided above it.
        settings.retries = False
        try:
            if self.files:
                # The context by its name: the client takes the last file's for the current one, kubectl the first's.
                files = ENV_KUBECONFIG_PATH_SEPARATOR.join(map(str, self.files))
                config.load_kube_config(files, context=self.address.context, client_configuration=settings)
            else:
                _service_account(self.environment).load_and_set(settings)
        except (config.ConfigException, OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            # Not its message: the client puts whole entries into it, tokens included.
            raise _refused(
                f"{self.address.context}: its credentials or certificates cannot be used ({type(error).__name__})"
            ) from None
        return settings


def find_cluster(
    kubeconfig: Path | None = None, *, context: str | None = None, environment: Mapping[str, str] = NO_VARIABLES
) -> ClusterConfig:
    """Return the cluster that is meant, by kubectl's order; the module says which that is.

    `environment` has the variables of this process: `KUBECONFIG`, `HOME`, and those of a pod.

    Raises:
        InputError: there is none, a file cannot be read, or the context is in none (`cluster_unreachable`).
    """
    named = _named(kubeconfig, environment)
    files = {path: document for path in named if path.is_file() and (document := _read(path)) is not None}
    missing = tuple(str(path) for path in named if not path.exists()) if environment.get(VARIABLE) else ()
    entries = _Entries(tuple(files.values()))
    chosen = context or entries.current_context
    if chosen:
        address = ClusterAddress(context=chosen, server=_server(entries, chosen, named), missing=missing)
        return ClusterConfig(address=address, files=tuple(files), environment=environment)
    if kubeconfig is None and _is_in_pod(environment):
        address = ClusterAddress(context=IN_CLUSTER, server=_pod_server(environment), missing=missing)
        return ClusterConfig(address=address, files=(), environment=environment)
    problem = "has no current context" if files else "is not there"
    raise _refused(f"{_places(named)} {problem}, and this is no pod with a service account")


@dataclass(frozen=True, slots=True)
class _Entries:
    """The documents of several files as one: of two entries of one name the first counts."""

    documents: Sequence[Json]

    @property
    def current_context(self) -> str:
        return next((str(each["current-context"]) for each in self.documents if each.get("current-context")), "")

    def entry(self, kind: str, name: str) -> Json | None:
        """Return what stands under `name` in the list `kind`: contexts, clusters."""
        return next((each for each in self._all(kind) if each.get("name") == name), None)

    def names(self, kind: str) -> list[str]:
        return sorted({str(each["name"]) for each in self._all(kind) if "name" in each})

    def _all(self, kind: str) -> Iterator[Json]:
        for document in self.documents:
            listed = document.get(kind)
            yield from (each for each in listed or () if isinstance(each, dict)) if isinstance(listed, list) else ()


def _named(kubeconfig: Path | None, environment: Mapping[str, str]) -> list[Path]:
    """Return the files that may say where to go, whether or not they are there."""
    if kubeconfig is not None:
        if not kubeconfig.is_file():
            raise _refused(f"{kubeconfig} is not a file")
        return [kubeconfig]
    listed = environment.get(VARIABLE)
    if listed:
        return list(dict.fromkeys(Path(part) for part in listed.split(os.pathsep) if part))
    home = environment.get("HOME")
    return [(Path(home) if home else Path.home()) / ".kube" / "config"]


def _read(path: Path) -> Json | None:
    """Return the document of a file; None for an empty one."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    reader = YAML(typ="safe", pure=True)
    reader.version = (1, 1)  # the one that the client reads it by
    try:
        document = reader.load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:  # its text shows the line, and with it what may be a token
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark is not None else ""
        raise _refused(f"{path} is not valid YAML{line}") from None
    except (OSError, ValueError, YAMLError) as error:
        raise _refused(f"{path} cannot be read ({type(error).__name__})") from None
    if document is not None and not isinstance(document, dict):
        raise _refused(f"{path} holds a {type(document).__name__}, not a kubeconfig")
    return document


def _server(entries: _Entries, context: str, named: Sequence[Path]) -> str:
    entry = entries.entry("contexts", context)
    if entry is None:
        there = ", ".join(entries.names("contexts")) or "none"
        raise _refused(f"context {context!r} is not in {_places(named)}; there are: {there}")
    name = _value(entry, "context").get("cluster")
    cluster = entries.entry("clusters", str(name))
    server = _value(cluster or {}, "cluster").get("server")
    if not isinstance(server, str) or not server:
        raise _refused(f"cluster {name!r} of context {context!r} has no server in {_places(named)}")
    return without_credentials(server)


def _value(entry: Json, key: str) -> Json:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def without_credentials(url: str) -> str:
    """Return `url` without a user, a password, a query and a fragment: what may be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a valid URL)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def _is_in_pod(environment: Mapping[str, str]) -> bool:
    from kubernetes.config import incluster_config as pod

    variables = (pod.SERVICE_HOST_ENV_NAME, pod.SERVICE_PORT_ENV_NAME)
    return all(environment.get(each) for each in variables) and Path(pod.SERVICE_TOKEN_FILENAME).is_file()


def _pod_server(environment: Mapping[str, str]) -> str:
    from kubernetes.config import incluster_config as pod

    host = environment[pod.SERVICE_HOST_ENV_NAME]
    return f"https://{f'[{host}]' if ':' in host else host}:{environment[pod.SERVICE_PORT_ENV_NAME]}"


def _service_account(environment: Mapping[str, str]) -> Any:
    from kubernetes.config import incluster_config as pod

    return pod.InClusterConfigLoader(
        token_filename=pod.SERVICE_TOKEN_FILENAME, cert_filename=pod.SERVICE_CERT_FILENAME, environ=environment
    )


def _places(named: Sequence[Path]) -> str:
    return ", ".join(map(str, named)) or f"a file of {VARIABLE}"


def _refused(problem: str) -> InputError:
    return InputError(
        f"kubeconfig: no usable cluster configuration: {problem.rstrip('.')}. {_ADVICE}",
        code="cluster_unreachable",
        field="kubeconfig",
    )
