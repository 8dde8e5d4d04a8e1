"""Kubernetes' client, imported ahead: it takes most of a second, during which nothing else of a process goes on."""

from __future__ import annotations

from importlib import import_module


def preload_client() -> None:
    """Import what the first look at a cluster would, for a process whose first caller is not to wait for it."""
    import_module("kubernetes.client")
    import_module("springtide.kube.live")
