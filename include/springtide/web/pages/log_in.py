"""What a page says to whoever is not logged in: one sentence and the way in, where REST answers with a problem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi.responses import HTMLResponse

from springtide.web.pages.frame import PAGE_HEADERS, environment
from springtide.web.problems import status_of

if TYPE_CHECKING:
    from fastapi import Request

    from springtide.errors import SpringtideError
    from springtide.web.ports import Access

_NOT_LOGGED_IN: Final = 401
_PAGES: Final = "/pages/"


def log_in_page(access: Access, request: Request, error: SpringtideError) -> HTMLResponse | None:
    """Return the page for a browser that asked for a page; None for any other error, and for any other caller."""
    status = status_of(error)
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    if status != _NOT_LOGGED_IN or not path.startswith(_PAGES) or "text/html" not in request.headers.get("accept", ""):
        return None
    address = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    # No script and no style: those files, too, are for people who are logged in.
    text = environment().get_template("log_in.html").render(said=error.message, way_in=access.log_in(address))
    return HTMLResponse(text, status_code=status, headers=PAGE_HEADERS)
