"""Who writes or deletes, and how: what a request says beside the object itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes, and how: `manager` is "" for the built-in controllers."""

    manager: str = ""
    subresource: str = ""
    dry_run: bool = False
    replaces: bool = False  # a PUT; a patch otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """How an object is to be deleted."""

    grace: int | None = None  # seconds; None is the pod's own
    policy: str = "Background"
    uid: str = ""
    version: str = ""
    dry_run: bool = False


CONTROLLER = Writer()
"""A built-in controller."""
