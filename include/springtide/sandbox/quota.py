"""ResourceQuota: what a namespace uses, and the refusal of what would exceed it.

Usage is counted from the objects themselves at the moment of the request. A real API server counts from the quota's
status, which can lag behind deletions; it refuses a little longer than this one.
"""

from __future__ import annotations

from decimal import Decimal

from springtide.sandbox.kinds import Kind
from springtide.sandbox.objects import Json
from springtide.sandbox.quotascopes import covers
from springtide.sandbox.resources import parse, pod_resources, show, total
from springtide.sandbox.status import forbidden
from springtide.sandbox.store import Store

_CORE_COUNTS = frozenset({"pods", "services", "configmaps", "resourcequotas"})
_EXPLICIT = ("limits.cpu", "limits.memory", "requests.cpu", "requests.memory")


def admit(store: Store, kind: Kind, obj: Json) -> None:
    """Refuse an object that would exceed a quota of its namespace.

    Raises:
        ApiError: 403 naming the quota, what was requested, used and limited.
    """
    namespace = obj["metadata"].get("namespace", "")
    for quota in store.select("resourcequotas", namespace) if namespace else ():
        if not covers(quota, kind.plural, obj):
            continue
        hard = {name: parse(amount) for name, amount in ((quota.get("spec") or {}).get("hard") or {}).items()}
        requested = {name: amount for name, amount in _usage(kind.plural, obj).items() if name in hard and amount}
        _explicit_resources(kind, obj, quota, hard)
        if not requested:
            continue
        used = usage(store, quota, hard)
        over = sorted(name for name in requested if used[name] + requested[name] > hard[name])
        if over:
            amounts = {"requested": requested, "used": used, "limited": hard}
            listed = ", ".join(f"{name}: {_listed(numbers, over)}" for name, numbers in amounts.items())
            subject = kind.subject(obj["metadata"]["name"])
            raise forbidden(subject, f"exceeded quota: {quota['metadata']['name']}, {listed}")


def usage(store: Store, quota: Json, hard: dict[str, Decimal]) -> dict[str, Decimal]:
    """Return what a quota's namespace uses of each limited resource, as far as its scopes reach."""
    counted = total(
        _usage(plural, obj)
        for plural in sorted({_plural(name) for name in hard})
        for obj in store.select(plural, quota["metadata"]["namespace"])
        if covers(quota, plural, obj)
    )
    return {name: counted.get(name, Decimal(0)) for name in hard}


def status(store: Store, quota: Json) -> Json:
    """Return the status of a quota as it should read now."""
    limits = (quota.get("spec") or {}).get("hard") or {}
    used = usage(store, quota, {name: parse(amount) for name, amount in limits.items()})
    return {"hard": limits, "used": {name: show(name, amount) for name, amount in sorted(used.items())}}


def _plural(resource: str) -> str:
    """Return the kind of object that a limited resource counts."""
    if resource.startswith("count/"):
        return resource.removeprefix("count/").partition(".")[0]
    return resource if resource in _CORE_COUNTS else "pods"


def _usage(plural: str, obj: Json) -> dict[str, Decimal]:
    count = Decimal(1)
    if plural != "pods":
        group = obj["apiVersion"].rpartition("/")[0]
        counted = f"count/{plural}.{group}" if group else f"count/{plural}"
        return {counted: count, **({plural: count} if plural in _CORE_COUNTS else {})}
    if obj.get("status", {}).get("phase") in {"Succeeded", "Failed"}:  # a pod that has ended uses nothing
        return {}
    # `cpu` in a quota is short for `requests.cpu`
    requests, limits = (pod_resources(obj["spec"], side) for side in ("requests", "limits"))
    return {
        "pods": count,
        "count/pods": count,
        **requests,
        **{f"requests.{name}": amount for name, amount in requests.items()},
        **{f"limits.{name}": amount for name, amount in limits.items()},
    }


def _explicit_resources(kind: Kind, obj: Json, quota: Json, hard: dict[str, Decimal]) -> None:
    """Refuse a pod that says nothing about a resource that the quota limits."""
    if kind.plural != "pods":
        return
    missing: list[str] = []
    for name in (name for name in _EXPLICIT if name in hard):
        side, _, resource = name.partition(".")
        silent = [
            container["name"]
            for container in obj["spec"]["containers"]
            if resource not in (container["resources"].get(side) or {})
        ]
        if silent:
            missing.append(f"{name} for: {','.join(sorted(silent))}")
    if missing:
        why = f"failed quota: {quota['metadata']['name']}: must specify {'; '.join(missing)}"
        raise forbidden(kind.subject(obj["metadata"]["name"]), why)


def _listed(amounts: dict[str, Decimal], names: list[str]) -> str:
    return ",".join(f"{name}={show(name, amounts[name])}" for name in names)
