"""What surrounds a command: a terminal that knows few letters, and the way in that the sandbox leaves."""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from springtide.cli.plain_text import accept_every_letter, plain
from springtide.cli.sandbox import _way_in


def test_a_letter_that_the_terminal_has_no_code_for_ends_nothing() -> None:
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written, encoding="ascii")

    accept_every_letter(terminal)
    Console(file=terminal).print(plain("Frühling → Sommer"))
    terminal.flush()

    assert written.getvalue() == rb"Fr\xfchling \u2192 Sommer" + b"\n"


@pytest.fixture
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("_open_umask")
def test_the_way_into_the_sandbox_is_nobody_else_s(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "new" / "kubeconfig"

    with _way_in(kubeconfig, "http://127.96.0.1:6443"):
        mode = stat.S_IMODE(kubeconfig.stat().st_mode)
        others = [path.name for path in kubeconfig.parent.iterdir()]

    assert (mode, others) == (0o600, ["kubeconfig"])
    assert not kubeconfig.exists()
