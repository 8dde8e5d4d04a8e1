"""The frame of every page: what stands around each, and what foreign text can do in it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from springtide.errors import NotFound
from springtide.web.pages.frame import CONTENT_POLICY, Frame, environment, static_file
from springtide.web.pages.words import number_words
from springtide.wording import duration_words, relative
from support.simulation import Simulation
from support.web import VIEWER, WebScene

NOW = datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
SCRIPT = "</script><script>alert('x')</script><img src=x onerror=alert(1)>"


def frame(**changes: object) -> Frame:
    return Frame(**{"root": "/springtide", "section": "services", "now": NOW, **changes})  # type: ignore[arg-type]


def test_a_page_has_a_language_a_title_a_way_past_the_navigation_and_its_own_files() -> None:
    text = bytes(frame().page("base.html").body).decode()
    assert '<html lang="en">' in text
    assert "<title>" in text
    assert '<a class="skip" href="#content">' in text
    assert 'aria-current="page">Services' in text
    assert re.search(r'href="/springtide/pages/static/springtide\.css\?v=[0-9a-f]{12}"', text)
    assert "plotly" not in text


def test_a_page_that_draws_loads_plotly_with_the_style_sheet_that_stands_for_its_own() -> None:
    text = bytes(frame(has_charts=True).page("base.html").body).decode()
    assert "plotly.min.js?v=" in text
    assert 'id="plotly.js-style-global" class="no-inline-styles"' in text


def test_a_page_refuses_scripts_and_styles_that_are_not_files_of_ours() -> None:
    headers = frame().page("base.html").headers
    assert headers["content-security-policy"] == CONTENT_POLICY
    assert "unsafe" not in CONTENT_POLICY
    assert headers["cache-control"] == "no-store"


def test_no_template_holds_a_script_or_a_style_of_its_own() -> None:
    built = environment()
    assert built.loader is not None
    for name in built.list_templates():
        source, _, _ = built.loader.get_source(built, name)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=\"", source), name
        scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))", source)
        assert not scripts, name


def test_foreign_text_is_never_markup() -> None:
    text = environment().from_string("<p>{{ words }}</p>{% from 'parts.html' import badge %}{{ badge(words) }}")
    shown = text.render(words=SCRIPT)
    assert "<script" not in shown
    assert "<img" not in shown


def test_data_between_script_tags_does_not_end_them_and_reads_back_as_it_was() -> None:
    shown = environment().from_string("{{ data | json }}").render(data={"reason": SCRIPT + "\u2028&"})
    assert "<" not in shown
    assert json.loads(shown) == {"reason": SCRIPT + "\u2028&"}


def test_what_a_template_asks_for_in_vain_is_an_error_and_no_empty_place() -> None:
    with pytest.raises(UndefinedError):
        environment().from_string("{{ missing }}").render()


@pytest.mark.parametrize("name", ["../frame.py", "frame.py", "", "/etc/passwd", "springtide.css/../frame.js"])
def test_only_known_files_are_read(name: str) -> None:
    with pytest.raises(NotFound, match="there is no file"):
        static_file(name)


def test_a_file_may_be_kept_by_browsers_because_its_address_has_its_version() -> None:
    answer = static_file("springtide.css")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=41), "41 s ago"),
        (timedelta(minutes=12), "12 min ago"),
        (-timedelta(hours=2, minutes=10), "in 2 h 10 min"),
        (-timedelta(days=3, hours=4), "in 3 d 4 h"),
        (timedelta(), "now"),
    ],
)
def test_a_moment_is_told_by_its_distance(span: timedelta, words: str) -> None:
    assert relative(NOW - span, NOW) == words


def test_numbers_and_lengths_have_no_more_digits_than_they_need() -> None:
    assert [number_words(value) for value in (3.0, 3.14, 312.4, 12_345.6)] == ["3", "3.1", "312", "12,346"]
    assert duration_words(timedelta(hours=3)) == "3 h"


async def test_files_are_for_whoever_is_logged_in_and_a_page_names_them_below_where_it_is_mounted(
    tmp_path: Path,
) -> None:
    scene = WebScene.of(Simulation.of(1), tmp_path)
    async with scene.client(VIEWER, by_cookie=True) as client:
        assert (await client.get("/pages/static/springtide.css")).status_code == 200
        assert (await client.get("/pages/static/nothing.css")).status_code == 404
    async with scene.client(None) as client:
        assert (await client.get("/pages/static/springtide.css")).status_code == 401
