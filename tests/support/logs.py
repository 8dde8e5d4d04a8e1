"""What a module logs, whatever the process's logging was set up for: Airflow sets it up, and simulations silence it."""

from __future__ import annotations

from types import ModuleType

import pytest
import structlog
from structlog.testing import LogCapture


def logged_by(module: ModuleType, patch: pytest.MonkeyPatch) -> LogCapture:
    """Return what keeps all that `module` logs from now on."""
    capture = LogCapture()
    logger = structlog.wrap_logger(None, processors=[capture], wrapper_class=structlog.BoundLogger)
    patch.setattr(module, "log", logger)
    return capture
