"""The documentation as a site: every page in its navigation, every link alive, nothing loaded from elsewhere."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from package.installed import ROOT

pytestmark = pytest.mark.xdist_group("documentation_site")  # one worker builds it once

LOADED = {"img": "src", "link": "href", "script": "src", "iframe": "src", "source": "src"}
"""The tags by which a page loads something without being asked to."""


@dataclass
class Page(HTMLParser):
    """One built page: its anchors, its links, and what a browser loads for it."""

    path: Path
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value for name, value in attrs if value}
        self.anchors |= {named[name] for name in ("id", "name") if name in named}
        if tag == "a" and "href" in named:
            self.links.append(named["href"])
        if tag in LOADED and named.get(LOADED[tag]) and named.get("rel") != "canonical":
            self.loaded.append(named[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    folder = tmp_path_factory.mktemp("site")
    command = [str(ROOT / "scripts" / "site"), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {path: Page(path) for path in sorted(folder.rglob("*.html"))}


def is_elsewhere(link: str) -> bool:
    return bool(urlsplit(link).scheme or urlsplit(link).netloc)


def dead(page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    """Yield the links of `page` that lead to no file, or to no anchor of one."""
    for link in (*page.links, *page.loaded):
        if is_elsewhere(link) or link.startswith("data:"):
            continue
        parts = urlsplit(link)
        target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
        target = target / "index.html" if target.is_dir() else target
        anchor = unquote(parts.fragment)
        is_known = not anchor or target not in pages or anchor in pages[target].anchors
        if not target.is_file() or not is_known:
            yield f"{page.path.name}: {link}"


def test_every_page_is_in_the_navigation() -> None:
    named = re.findall(r": ([\w./-]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = {str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md")}

    assert len(pages) > 15
    assert sorted({*pages, "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"} - set(named)) == []
    assert len(set(named)) == len(named)


def test_every_link_of_the_built_pages_leads_somewhere(site: dict[Path, Page]) -> None:
    assert len(site) > 20
    assert sum(len(page.links) for page in site.values()) > 1000
    assert [link for path, page in site.items() if path.name != "404.html" for link in dead(page, site)] == []


def test_no_page_loads_anything_from_elsewhere(site: dict[Path, Page]) -> None:
    loaded = [f"{path.name}: {link}" for path, page in site.items() for link in page.loaded if is_elsewhere(link)]
    (root,) = {path.parent for path in site if path.name == "404.html"}
    styles = [
        f"{css.name}: {link}"
        for css in root.rglob("*.css")
        for link in re.findall(r"url\((https?:[^)]*)", css.read_text())
    ]

    assert [each for each in loaded if ": data:" not in each] == []
    assert styles == []


def test_what_is_built_is_never_committed() -> None:
    assert "build/" in (ROOT / ".gitignore").read_text().splitlines()
