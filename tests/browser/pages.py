"""A page as somebody looks at it: what it said to the console, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOTS: Final = Path("/tmp/springtide-screenshots")
"""Where pictures of pages are kept, for people to look at."""

_KNOWN: Final = "Applying inline style violates"
"""plotly sets one style of its own while it loads; the page's policy refuses it, and nothing is lost."""


@dataclass
class Looked:
    """One page in a browser. `said` is what it wrote to the console as a warning, an error or an exception."""

    page: Page
    said: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, page: Page, url: str) -> Looked:
        """Open `url`, and wait until nothing is loaded any more."""
        looked = cls(page)
        page.on("console", lambda message: looked._hear(message.type, message.text))
        page.on("pageerror", lambda error: looked.said.append(str(error)))
        page.goto(url)
        page.wait_for_load_state("networkidle")
        return looked

    @property
    def is_too_wide(self) -> bool:
        """Whether somebody has to scroll sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))

    def shot(self, name: str) -> None:
        """Keep a picture."""
        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=str(SHOTS / f"{name}.png"), full_page=True)

    def faults(self, axe: str) -> list[str]:
        """Return the serious faults that axe-core finds, each with where."""
        self.page.evaluate(axe)
        found: dict[str, Any] = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']}: {each['help']} ({each['nodes'][0]['target']}: {each['nodes'][0].get('failureSummary')})"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    def _hear(self, kind: str, text: str) -> None:
        if kind in ("error", "warning") and _KNOWN not in text:
            self.said.append(text)
