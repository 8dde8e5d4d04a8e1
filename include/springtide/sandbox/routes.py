"""Which object or collection a path means."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from springtide.sandbox.access import Action
from springtide.sandbox.kinds import KINDS, Kind
from springtide.sandbox.objects import Ref
from springtide.sandbox.status import Subject, method_not_allowed, no_such_resource

_SUBRESOURCES = {"serviceaccounts": {"token"}}
_CORE_ROOT = ["api", "v1"]
_PROXY = re.compile(r"(/api/v1/namespaces/[^/]+/(?:pods|services)/[^/]+/proxy)(/.*)?")
_IN_A_NAMESPACE = re.compile(r"/apis/([^/]+)/[^/]+/namespaces/([^/]+)/([^/]+)(?:/([^/]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path, understood: a collection when `name` is empty."""

    kind: Kind
    namespace: str
    name: str
    subresource: str
    tail: str = ""  # behind `proxy`: the path that is asked for there

    @property
    def ref(self) -> Ref:
        """Where the object lives."""
        return Ref(self.kind.plural, self.namespace, self.name)

    @property
    def subject(self) -> Subject:
        """What an error is about."""
        return self.kind.subject(self.name)

    @property
    def resource(self) -> str:
        """The resource as RBAC names it."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


@lru_cache(maxsize=4096)
def find(path: str) -> Route:
    """Return what a path means.

    Raises:
        ApiError: 404, nothing is served there.
    """
    behind = _PROXY.fullmatch(path)
    if behind is not None and behind[2]:
        return replace(find(behind[1]), tail=behind[2])
    api_version, rest = _api_version(path.strip("/").split("/"))
    namespace = ""
    # /namespaces/<name>/status is about the namespace itself, /namespaces/<name>/<plural> about what is in it
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in {"status", "finalize"}:  # noqa: PLR2004
        namespace = rest[1]
        rest = rest[2:]
    if not rest or not all(rest):
        raise no_such_resource()
    kind = KINDS.get(rest[0])
    if kind is None or kind.api_version != api_version or (namespace and not kind.namespaced):
        raise no_such_resource()
    return _checked(kind, namespace, rest[1:])


def unserved(method: str, path: str) -> Action | None:
    """Return what a request for a resource that is not served asks for, as the authorizer sees it; None for others."""
    match = _IN_A_NAMESPACE.fullmatch(path)
    if match is None:
        return None
    group, namespace, resource, name = match.groups()
    verbs = {"GET": "get", "PATCH": "patch", "PUT": "update", "DELETE": "delete"} if name else {"GET": "list"}
    verbs["POST"] = "create"
    return Action(
        verb=verbs.get(method, method.lower()), group=group, resource=resource, namespace=namespace, name=name or ""
    )


def _api_version(parts: list[str]) -> tuple[str, list[str]]:
    """Return the API version that a path begins with, and the rest of the path."""
    if parts[:2] == _CORE_ROOT:
        return "v1", parts[2:]
    if parts[0] == "apis" and len(parts) > 3:  # noqa: PLR2004  /apis/<group>/<version>/<resource>
        return f"{parts[1]}/{parts[2]}", parts[3:]
    raise no_such_resource()


def _checked(kind: Kind, namespace: str, rest: list[str]) -> Route:
    name = rest[0] if rest else ""
    subresource = rest[1] if len(rest) > 1 else ""
    served = _SUBRESOURCES.get(kind.plural, set())
    if kind.status:
        served = served | {"status"}
    if kind.scale:
        served = served | {"scale"}
    if kind.proxy:
        served = served | {"proxy"}
    if len(rest) > 2 or (subresource and subresource not in served):  # noqa: PLR2004  name and subresource
        raise no_such_resource()
    if name and kind.namespaced and not namespace:
        raise no_such_resource()
    return Route(kind=kind, namespace=namespace, name=name, subresource=subresource)


def verb(method: str, route: Route, *, watch: bool) -> str:
    """Return the verb, as RBAC names it, of a method on a route.

    Raises:
        ApiError: 405, that method has no meaning there.
    """
    if route.name:
        verbs = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
        if route.subresource == "token":
            verbs = {"POST": "create"}
        elif route.subresource == "proxy":
            verbs = {"GET": "get", "HEAD": "get"}
        elif route.subresource:
            verbs.pop("DELETE")
    else:
        verbs = {"GET": "watch" if watch else "list", "POST": "create", "DELETE": "deletecollection"}
        if route.kind.namespaced and not route.namespace:
            verbs = {"GET": verbs["GET"]}
    if method not in verbs:
        raise method_not_allowed()
    return verbs[method]
