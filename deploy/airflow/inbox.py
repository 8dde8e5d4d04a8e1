"""Shows what people would be told: takes notifications and alerts, and lists the newest on one page: `inbox.py PORT`.

For the demonstration of docker-compose.yaml, in the place of a Slack or a pager. `POST /notifications` takes what
Apprise sends to a `json://` URL, `POST /alerts` what Alertmanager sends to a webhook, and `GET /` is the page. The
messages are kept in memory, at most `KEPT` of them, and each is a line of the container's log as well.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

KEPT: Final = 100
LARGEST_BODY: Final = 256 * 1024
READ_SECONDS: Final = 10

PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>springtide's inbox</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }}
article {{ border-left: .25rem solid #888; margin: 1rem 0; padding: 0 1rem }}
h2 {{ font-size: 1rem; margin: 0 }} p {{ margin: 0; white-space: pre-wrap; overflow-wrap: anywhere }}
</style></head><body><h1>What people were told</h1>{messages}</body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: when it came, whether it is a notification or an alert, and its words."""

    came: datetime
    kind: str
    title: str
    text: str

    def line(self) -> str:
        """Return it as one line of a log."""
        words = " ".join(f"{self.title}: {self.text}".split())
        return f"{self.came:%H:%M:%S} {self.kind}: {words}"

    def html(self) -> str:
        """Return it as a part of the page; its words are text, whoever wrote them."""
        head = escape(f"{self.came:%H:%M:%S} UTC, {self.kind}: {self.title}")
        return f"<article><h2>{head}</h2><p>{escape(self.text)}</p></article>"


def notifications(document: Mapping[str, Any], came: datetime) -> list[Message]:
    """Return the message that Apprise sent."""
    title = str(document.get("title", ""))
    return [Message(came=came, kind="notification", title=title, text=str(document.get("message", "")))]


def alerts(document: Mapping[str, Any], came: datetime) -> list[Message]:
    """Return the alerts that Alertmanager sent, each with whether it fires or is over."""
    return [_alert(each, came) for each in document.get("alerts", [])]


def _alert(alert: Mapping[str, Any], came: datetime) -> Message:
    words = alert.get("annotations", {})
    title = f"{alert.get('labels', {}).get('alertname', 'an alert without a name')} ({alert.get('status', '')})"
    text = "\n".join(str(words[name]) for name in ("summary", "description") if name in words)
    return Message(came=came, kind="alert", title=title, text=text)


WAYS: Final[Mapping[str, Callable[[Mapping[str, Any], datetime], list[Message]]]] = {
    "/notifications": notifications,
    "/alerts": alerts,
}


def server(port: int, address: str = "") -> ThreadingHTTPServer:
    """Return the server, which listens already; 0 is any free port."""
    kept: deque[Message] = deque(maxlen=KEPT)

    class Inbox(BaseHTTPRequestHandler):
        timeout = READ_SECONDS

        def do_GET(self) -> None:
            messages = "".join(message.html() for message in reversed(kept)) or "<p>Nothing yet.</p>"
            self._answer(HTTPStatus.OK, PAGE.format(messages=messages))

        def do_POST(self) -> None:
            way = WAYS.get(self.path)
            length = self.headers.get("Content-Length", "")
            if way is None:
                return self._answer(HTTPStatus.NOT_FOUND, f"POST to one of {', '.join(WAYS)}.")
            if not length.isascii() or not length.isdigit() or int(length) > LARGEST_BODY:
                return self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"A body has at most {LARGEST_BODY} bytes.")
            try:
                came = way(json.loads(self.rfile.read(int(length))), datetime.now(UTC))
            except (ValueError, AttributeError, TypeError):
                return self._answer(HTTPStatus.BAD_REQUEST, f"{self.path} takes the JSON of its sender.")
            kept.extend(came)
            sys.stdout.writelines(f"{message.line()}\n" for message in came)
            sys.stdout.flush()
            return self._answer(HTTPStatus.OK, "kept")

        def _answer(self, status: HTTPStatus, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing of requests: the log is for the messages."""

    return ThreadingHTTPServer((address, port), Inbox)


if __name__ == "__main__":
    server(int(sys.argv[1])).serve_forever()
