"""A container's environment as the kubelet makes it when the container starts: values, ConfigMap keys, pod fields."""

from __future__ import annotations

from springtide.sandbox.objects import Json, Ref
from springtide.sandbox.store import Store

_POD_FIELDS = {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "status.podIP", "status.hostIP"}


class ConfigError(Exception):
    """A container cannot be made: a ConfigMap, a key or a Secret that it needs is not there (the kubelet's words)."""


def resolve(container: Json, pod: Json, store: Store) -> dict[str, str]:
    """Return the variables of a container that starts now.

    Raises:
        ConfigError: a variable cannot be had.
    """
    variables: dict[str, str] = {"HOSTNAME": pod["metadata"]["name"]}
    for entry in container.get("env", ()):
        source = entry.get("valueFrom")
        value = str(entry.get("value", "")) if source is None else _from(source, pod, store)
        if value is not None:
            variables[entry["name"]] = value
    return variables


def _from(source: Json, pod: Json, store: Store) -> str | None:
    if "fieldRef" in source:
        return _field(pod, source["fieldRef"].get("fieldPath", ""))
    if "configMapKeyRef" in source:
        return _config_map(source["configMapKeyRef"], pod, store)
    if "secretKeyRef" in source:
        # there are no Secrets here, so none is ever found
        if source["secretKeyRef"].get("optional"):
            return None
        raise ConfigError(f'secret "{source["secretKeyRef"].get("name", "")}" not found')
    return ""


def _field(pod: Json, path: str) -> str:
    value: object = pod
    for step in path.split(".") if path in _POD_FIELDS else ():
        value = value.get(step, "") if isinstance(value, dict) else ""
    return value if isinstance(value, str) else ""


def _config_map(reference: Json, pod: Json, store: Store) -> str | None:
    namespace = pod["metadata"]["namespace"]
    name = reference["name"]
    key = reference["key"]
    config_map = store.get(Ref("configmaps", namespace, name))
    if config_map is None:
        if reference.get("optional"):
            return None
        raise ConfigError(f'configmap "{name}" not found')
    data = config_map.get("data") or {}
    if key not in data:
        if reference.get("optional"):
            return None
        raise ConfigError(f"couldn't find key {key} in ConfigMap {namespace}/{name}")
    return str(data[key])
