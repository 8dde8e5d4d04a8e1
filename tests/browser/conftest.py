"""A real browser on pages that are served on loopback: Debian's Chromium by playwright, and axe-core where npm is.

What is not there is told: without Chromium each test is skipped with what to install, without npm those of axe-core.
In CI, which installs both, they fail instead.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pytest
from fastapi import FastAPI

from browser.pages import Looked
from browser.serving import served
from springtide.clock import SystemClock
from springtide.web.app import create_app
from support.many_services import ManyServices

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM: Final = "/usr/bin/chromium"
AXE: Final = "axe-core@4.10.3"
_ARGUMENTS: Final = ["--no-sandbox", "--disable-gpu", "--no-proxy-server", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium.

    For one module: playwright keeps an event loop in this thread, in which no asynchronous test can run.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: nothing is looked at")
    if not Path(CHROMIUM).exists():
        _left_out(f"{CHROMIUM} is not there, so no page is looked at: apt-get install -y chromium")
    playwright.expect.set_options(timeout=15_000)  # a busy machine reads plotly's five megabytes slowly
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def served_services(tmp_path: Path) -> Iterator[Callable[..., tuple[str, ManyServices]]]:
    """Return a function that serves the pages of so many services below `/springtide`, as Airflow mounts them."""
    with ExitStack() as stack:

        def serve(count: int) -> tuple[str, ManyServices]:
            services = ManyServices(count, tmp_path / f"services-{count}", SystemClock())
            root = FastAPI()
            root.mount("/springtide", create_app(services.surroundings()))
            return stack.enter_context(served(root)) + "/springtide", services

        yield serve


@pytest.fixture
def look(browser: Browser) -> Iterator[Callable[..., Looked]]:
    """Return a function that opens an address as a person of this width and theme does, logged in by the cookie."""
    with ExitStack() as stack:

        def opened(url: str, *, width: int = 1440, theme: Any = "light") -> Looked:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
            stack.callback(context.close)
            context.add_cookies([{"name": "_token", "value": "ann", "url": url.partition("/springtide")[0]}])
            return Looked.at(context.new_page(), url)

        yield opened


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the script of axe-core, which is not ours to keep: npm fetches it."""
    npm = shutil.which("npm")
    if npm is None:
        _left_out("npm is not there, so axe-core is not fetched and accessibility is not judged: install nodejs, npm")
    folder = tmp_path_factory.mktemp("axe")
    packed = subprocess.run([npm, "pack", AXE, "--silent"], cwd=folder, capture_output=True, timeout=120, check=False)
    if packed.returncode:
        _left_out(f"npm cannot fetch {AXE}, so accessibility is not judged: {packed.stderr.decode()[-200:]}")
    with tarfile.open(next(folder.glob("*.tgz"))) as archive:
        script = archive.extractfile("package/axe.min.js")
        assert script is not None
        return script.read().decode()


def _left_out(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)
