"""The frame of every page: templates, static files, and the headers that keep foreign text from becoming markup.

A page is rendered by `Frame.page`. Its template extends `base.html`, takes its parts from `parts.html`, and has no
script and no style of its own: the policy of the page refuses both. What a chart draws stands in a
`<script type="application/json">`, written by the filter `json`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.utils import htmlsafe_json_dumps

from springtide.errors import NotFound
from springtide.web.pages.spark import gauge_of, spark_of
from springtide.web.pages.words import clock_words, number_words, shortened
from springtide.wording import counted, duration_words, relative

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request

    from springtide.web.ports import Caller, Surroundings

_STATIC: Final = Path(__file__).parent / "static"
_PLOTLY: Final = "plotly.min.js"

_json: Final = partial(htmlsafe_json_dumps, allow_nan=False, separators=(",", ":"))
"""JSON that may stand between script tags: nothing in it ends one."""

_FILTERS: Final = {
    "clock": clock_words,
    "counted": counted,
    "duration": duration_words,
    "gauge": gauge_of,
    "json": _json,
    "number": number_words,
    "relative": relative,
    "short": shortened,
    "spark": spark_of,
}

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

CONTENT_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)
"""No script and no style but our own files: text that somebody wrote into a policy or a reason can do nothing."""

PAGE_HEADERS: Final = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cache-Control": "no-store",  # a page holds a token
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

_STATIC_HEADERS: Final = {
    # By its version in the address: what has changed has another one.
    "Cache-Control": "private, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every page knows beside its own values.

    `root` is where the application is mounted (`/springtide`), `section` the part of the navigation (`services`,
    `events`, or `""`), `caller` who looks, and `token` what the page's calls of REST carry, `""` where it makes none.
    With `has_charts` plotly's script is loaded.
    """

    root: str
    section: str
    now: datetime
    caller: str = ""
    token: str = ""
    has_charts: bool = False

    def static(self, name: str) -> str:
        """Return the address of one of our files, with its version."""
        return f"{self.root}/pages/static/{name}?v={_version(name)}"

    def page(self, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
        """Return the page of `template`, which finds this as `frame` and everything else in `values`.

        Raises:
            jinja2.UndefinedError: the template asks for what is not there; never an empty place.
        """
        text = environment().get_template(template).render(frame=self, **values)
        return HTMLResponse(text, status_code=status, headers=PAGE_HEADERS)


def frame_of(
    surroundings: Surroundings, request: Request, caller: Caller, *, section: str = "", has_charts: bool = False
) -> Frame:
    """Return the frame of a page that `caller` looks at now."""
    return Frame(
        root=request.scope.get("root_path", ""),
        section=section,
        now=surroundings.clock.now(),
        caller=caller.name,
        token=surroundings.starts.token_for(caller),
        has_charts=has_charts,
    )


@cache
def environment() -> Environment:
    """Return the templates' surroundings: every value is escaped, and an unknown name is an error."""
    built = Environment(
        loader=PackageLoader("springtide.web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    built.filters |= _FILTERS
    return built


def static_file(name: str) -> FileResponse:
    """Return one of our files, or plotly's script from the package that is installed.

    Raises:
        NotFound: there is no such file.
    """
    path = _files().get(name)
    if path is None:
        raise NotFound(
            f"there is no file {name[:80]!r} of a page: reload the page, which names its files.",
            code="page_unknown",
            field="name",
        )
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=_STATIC_HEADERS)


@cache
def _files() -> Mapping[str, Path]:
    """Return the files that may be read, by their names: an address never becomes a path."""
    files = {path.name: path for path in _STATIC.iterdir() if path.suffix in _TYPES}
    # Found, not imported: that would take a second, for one file.
    plotly = find_spec("plotly")
    for place in (plotly.submodule_search_locations or ()) if plotly else ():
        script = Path(place) / "package_data" / _PLOTLY
        if script.is_file():
            files[_PLOTLY] = script
    return files


@cache
def _version(name: str) -> str:
    path = _files().get(name)
    return "none" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()[:12]
