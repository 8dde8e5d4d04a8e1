"""The frame of an example that is told by a real Airflow: its option, its folder, its processes and its end."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

from examples.demo.airflow_server import Airflow
from examples.demo.children import Children, DemoError
from examples.demo.screen import console

from springtide.private_file import write_private


def told(program: str, about: str | None, home: Path, tell: Callable[[Children], None]) -> int:
    """Tell a story in an empty `home`, stop what it started, and return the exit code: 0 when it came to its end."""
    parser = argparse.ArgumentParser(prog=program, description=about)
    parser.add_argument("--keep", action="store_true", help="leave Airflow running until Ctrl-C")
    keep = parser.parse_args().keep
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    rmtree(home, ignore_errors=True)
    try:
        with Children(home / "logs") as children:
            tell(children)
            if keep:
                threading.Event().wait()
    except DemoError as error:
        console.print(f"[red]The story ended:[/red] {error}", highlight=False)
        return 1
    except KeyboardInterrupt:
        console.print("Everything that was started is stopped.")
    return 0


def leave_login(airflow: Airflow, home: Path) -> None:
    """Write the page's address and password where somebody who looks on finds them."""
    write_private(home / "login.json", json.dumps({"url": airflow.url, "password": airflow.password}))
