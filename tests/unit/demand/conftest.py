"""What the tests of demand share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unit.demand.prometheus_server import Prometheus, serve


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    """Yield a running server; it is stopped at the end."""
    with serve() as server:
        yield server
