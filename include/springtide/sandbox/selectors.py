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


def _one_of(key: str, values: frozenset[str], *, wanted: bool) -> Matcher:
    return lambda labels: (labels.get(key) in values) is wanted


def _present(key: str, *, wanted: bool) -> Matcher:
    return lambda labels: (key in labels) is wanted


def _all_of(matchers: list[Matcher]) -> Matcher:
    if not matchers:
        return everything
    return matchers[0] if len(matchers) == 1 else lambda labels: all(match(labels) for match in matchers)


def _requirement(found: re.Match[str]) -> Matcher:
    if key := found["set_key"]:
        values = frozenset(value.strip() for value in found["values"].split(","))
        return _one_of(key, values, wanted=found["set_op"] == "in")
    if key := found["key"]:
        return _one_of(key, frozenset({found["value"]}), wanted=found["op"] != "!=")
    return _present(found["exists"], wanted=not found["absent"])


@lru_cache(maxsize=512)
def parse_labels(text: str) -> Matcher:
    """Return the matcher of a label selector string, equality and set based.

    Raises:
        ApiError: 400, the string is no selector.
    """
    matchers: list[Matcher] = []
    position = 0
    while position < len(text):
        found = _REQUIREMENT.match(text, position)
        if found is None or found.end() == position:
            raise bad_request(f"unable to parse requirement: found {text[position:]!r} in label selector {text!r}")
        matchers.append(_requirement(found))
        position = found.end()
    return _all_of(matchers)


def label_selector(selector: Json | None) -> Matcher:
    """Return the matcher of a LabelSelector object: None matches nothing, {} everything."""
    if selector is None:
        return nothing
    matchers = [_one_of(k, frozenset({v}), wanted=True) for k, v in (selector.get("matchLabels") or {}).items()]
    for entry in selector.get("matchExpressions") or ():
        key, operator = entry["key"], entry["operator"]
        if operator in {"In", "NotIn"}:
            matchers.append(_one_of(key, frozenset(entry["values"]), wanted=operator == "In"))
        else:
            matchers.append(_present(key, wanted=operator == "Exists"))
    return _all_of(matchers)


def label_text(selector: Json) -> str:
    """Return a LabelSelector object in its string form, as `scale` shows it in `status.selector`."""
    words = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for entry in selector.get("matchExpressions") or ():
        listed = ",".join(sorted(entry.get("values") or ()))
        word = {"In": f"{entry['key']} in ({listed})", "NotIn": f"{entry['key']} notin ({listed})"}
        bare = {"Exists": entry["key"], "DoesNotExist": f"!{entry['key']}"}
        words.append({**word, **bare}[entry["operator"]])
    return ",".join(words)


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
    for word in filter(None, text.split(",")):
        found = re.fullmatch(r"\s*([\w.]+)\s*(==|!=|=)\s*(.*?)\s*", word)
        if found is None:
            raise bad_request(f"invalid field selector: {word!r}")
        path, operator, value = found.groups()
        if path not in _EVERYWHERE | _FIELDS.get(resource, frozenset()):
            raise _unknown_field(resource, path)
        tests.append((path, value, operator != "!="))
    return lambda obj: all((_value_at(obj, path) == value) is wanted for path, value, wanted in tests)


def _unknown_field(resource: str, path: str) -> ApiError:
    return bad_request(f'Unable to find "{resource}" that match field selector: field label not supported: {path}')
