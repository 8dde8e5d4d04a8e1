"""Label and field selectors, in their string form and as LabelSelector objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from springtide.sandbox.objects import Json
from springtide.sandbox.status import ApiError, bad_request

Matcher: TypeAlias = Callable[[Mapping[str, str]], bool]

_REQUIREMENT = re.compile(
    r"""\s*(?:
        (?P<set_key>[\w./-]+)\s+(?P<set_op>in|notin)\s*\((?P<values>[^)]*)\)
      | (?P<key>[\w./-]+)\s*(?P<op>==|!=|=)\s*(?P<value>[\w.-]*)
      | (?P<absent>!)?\s*(?P<exists>[\w./-]+)
    )\s*(?:,|$)""",
    re.VERBOSE,
)


def everything(_labels: Mapping[str, str]) -> bool:
    """Match all."""
    return True


def nothing(_labels: Mapping[str, str]) -> bool:
    """Match none."""
    return False


def _any_of(key: str, values: frozenset[str], *, wanted: bool) -> Matcher:
    return lambda labels: (labels.get(key) in values) is wanted


def _present(key: str, *, wanted: bool) -> Matcher:
    return lambda labels: (key in labels) is wanted


def _all_of(matchers: list[Matcher]) -> Matcher:
    if not matchers:
        return everything
    return matchers[0] if len(matchers) == 1 else lambda labels: all(match(labels) for match in matchers)


def _requirement(part: re.Match[str]) -> Matcher:
    if key := part["set_key"]:
        values = frozenset(value.strip() for value in part["values"].split(","))
        return _any_of(key, values, wanted=part["set_op"] == "in")
    if key := part["key"]:
        return _any_of(key, frozenset({part["value"]}), wanted=part["op"] != "!=")
    return _present(part["exists"], wanted=not part["absent"])


@lru_cache(maxsize=512)
def parse_labels(text: str) -> Matcher:
    """Return the matcher of a label selector string, equality and set based.

    Raises:
        ApiError: 400, the string is no selector.
    """
    matchers: list[Matcher] = []
    position = 0
    while position < len(text):
        part = _REQUIREMENT.match(text, position)
        if part is None or part.end() == position:  # an empty match would be found again for ever
            raise bad_request(f"unable to parse requirement: found {text[position:]!r} in label selector {text!r}")
        matchers.append(_requirement(part))
        position = part.end()
    return _all_of(matchers)


def label_selector(selector: Json | None) -> Matcher:
    """Return the matcher of a LabelSelector object: None matches nothing, {} everything."""
    if selector is None:  # the API tells "no selector" from an empty one
        return nothing
    labels = selector.get("matchLabels") or {}
    matchers = [_any_of(key, frozenset({value}), wanted=True) for key, value in labels.items()]
    for entry in selector.get("matchExpressions") or ():
        key = entry["key"]
        operator = entry["operator"]
        if operator in {"In", "NotIn"}:
            matchers.append(_any_of(key, frozenset(entry["values"]), wanted=operator == "In"))
        else:
            matchers.append(_present(key, wanted=operator == "Exists"))
    return _all_of(matchers)


def label_text(selector: Json) -> str:
    """Return a LabelSelector object in its string form, as `scale` shows it in `status.selector`."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for entry in selector.get("matchExpressions") or ():
        key = entry["key"]
        values = ",".join(sorted(entry.get("values") or ()))
        forms = {
            "In": f"{key} in ({values})",
            "NotIn": f"{key} notin ({values})",
            "Exists": key,
            "DoesNotExist": f"!{key}",
        }
        parts.append(forms[entry["operator"]])
    return ",".join(parts)


_FIELDS: dict[str, frozenset[str]] = {
    "pods": frozenset(
        {"spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase", "status.podIP"}
    ),
    "events": frozenset(
        {
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "reason",
            "type",
        }
    ),
    "namespaces": frozenset({"status.phase"}),
    "services": frozenset({"spec.clusterIP", "spec.type"}),
    "replicasets": frozenset({"status.replicas"}),
    "jobs": frozenset({"status.successful"}),
    "nodes": frozenset({"spec.unschedulable"}),
}
_EVERYWHERE = frozenset({"metadata.name", "metadata.namespace"})


def _value_at(obj: Json, path: str) -> str:
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def parse_fields(resource: str, text: str) -> Callable[[Json], bool]:
    """Return the matcher of a field selector string.

    Raises:
        ApiError: 400, a field that this resource cannot be selected by.
    """
    tests: list[tuple[str, str, bool]] = []
    for part in filter(None, text.split(",")):
        parsed = re.fullmatch(r"\s*([\w.]+)\s*(==|!=|=)\s*(.*?)\s*", part)
        if parsed is None:
            raise bad_request(f"invalid field selector: {part!r}")
        path, operator, value = parsed.groups()
        if path not in _EVERYWHERE | _FIELDS.get(resource, frozenset()):
            raise _unknown_field(resource, path)
        tests.append((path, value, operator != "!="))
    return lambda obj: all((_value_at(obj, path) == value) is wanted for path, value, wanted in tests)


def _unknown_field(resource: str, path: str) -> ApiError:
    return bad_request(f'Unable to find "{resource}" that match field selector: field label not supported: {path}')
