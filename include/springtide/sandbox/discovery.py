"""What a client asks a server about itself: version, health, groups and resources."""

from __future__ import annotations

from springtide.sandbox.kinds import KINDS, Kind
from springtide.sandbox.messages import Response, answer
from springtide.sandbox.objects import Json
from springtide.sandbox.status import no_such_resource

VERSION = {
    "major": "1",
    "minor": "34",
    "gitVersion": "v1.34.4+springtide-sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
_REVIEWS = {
    "authorization.k8s.io/v1": [
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview"),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    ]
}


def serve(path: str) -> Response:
    """Answer a path that is about no object.

    Raises:
        ApiError: 404, nothing is served there.
    """
    address = path.strip("/")
    if address.partition("/")[0] in {"readyz", "livez", "healthz"}:
        return Response(200, b"ok", content_type="text/plain; charset=utf-8")
    document = _documents().get(address)
    if document is None:
        raise no_such_resource()
    return answer(document)


def _documents() -> dict[str, Json]:
    versions = sorted({kind.api_version for kind in KINDS.values() if kind.group} | set(_REVIEWS))
    return {
        "version": dict(VERSION),
        "api": {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []},
        "apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in versions]},
        "api/v1": _resources("v1"),
        **{f"apis/{name}": _resources(name) for name in versions},
        **{
            f"apis/{name.partition('/')[0]}": {**_group(name), "kind": "APIGroup", "apiVersion": "v1"}
            for name in versions
        },
    }


def _group(api_version: str) -> Json:
    group, _, version = api_version.partition("/")
    entry = {"groupVersion": api_version, "version": version}
    return {"name": group, "versions": [entry], "preferredVersion": entry}


def _resources(api_version: str) -> Json:
    entries = [entry for kind in KINDS.values() if kind.api_version == api_version for entry in _entries(kind)]
    entries += [
        {"name": plural, "singularName": kind.lower(), "namespaced": False, "kind": kind, "verbs": ["create"]}
        for plural, kind in _REVIEWS.get(api_version, [])
    ]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": api_version, "resources": entries}


def _entries(kind: Kind) -> list[Json]:
    entry = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind}
    entries: list[Json] = [{**entry, "verbs": _VERBS, **({"shortNames": list(kind.short)} if kind.short else {})}]
    below = {"name": f"{kind.plural}/status", "singularName": "", "verbs": ["get", "patch", "update"]}
    if kind.status:
        entries.append({**entry, **below})
    if kind.scale:
        scale = {"name": f"{kind.plural}/scale", "kind": "Scale", "group": "autoscaling", "version": "v1"}
        entries.append({**entry, **below, **scale})
    if kind.proxy:
        proxy = {"name": f"{kind.plural}/proxy", "kind": f"{kind.kind}ProxyOptions", "verbs": ["get"]}
        entries.append({**entry, **below, **proxy})
    return entries
