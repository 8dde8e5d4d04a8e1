"""The id of an installation: what tells the runs of one Airflow from those of another on the same cluster."""

from __future__ import annotations

from uuid import uuid4


def new_installation() -> str:
    """Return an id that no other installation has."""
    return str(uuid4())
