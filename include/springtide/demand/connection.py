"""A connection to Prometheus whose every answer is looked at before anybody uses it.

prometheus-api-client waits for ever by default, drops `warnings` and partial data, and shows an error as the bytes of
its body. So it is given a session that reads each answer within a time and a size, and turns everything but a whole,
good one into one of our errors. Works for `custom_query_range` and `custom_query` alike.
"""

from __future__ import annotations

import io
import re
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError
from urllib3.util import Retry

from springtide.clock import Clock, SystemClock
from springtide.demand.access import NO_LOGIN, PrometheusAccess
from springtide.demand.answers import (
    TEMPORARY,
    cure,
    is_page,
    is_passing,
    one_line,
    own_words,
    parsed,
    redirected,
    remarks,
)
from springtide.errors import DemandUnavailable, DemandUnusable, InputError, SpringtideError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_api_client import PrometheusConnect

_CONNECT_SECONDS = 3.0
_READ_SECONDS = 15.0
_ANSWER_SECONDS = 60.0  # for a whole body; a read timeout alone never ends a trickle
_ANSWER_BYTES = 32 * 1024 * 1024  # a hundred series of a full chunk
CLOCK_SKEW = 60.0
"""Seconds that the server's clock may differ; more is an error of one of the clocks."""

_TLS_CURE = (
    "Where its certificate is refused, trust its authority (--prometheus-ca; in Airflow the extra field ca) or correct "
    "the address; where it wants one of the client's, set it (--prometheus-certificate, --prometheus-key; in Airflow "
    "the extra fields certificate and key)."
)
_LONGEST_WAIT = 10  # seconds between two tries, whatever the server asks for
_WORDS = 300


@dataclass(frozen=True, slots=True)
class PrometheusAddress:
    """Where a Prometheus is, with what it is asked for, and how to call it in messages.

    `url` holds no credentials: those are in `login` and `access`, and neither is ever shown.
    """

    url: str
    login: tuple[str, str] | None = field(default=None, repr=False)
    access: PrometheusAccess = field(default=NO_LOGIN, repr=False)

    @property
    def identity(self) -> str:
        """What is asked and who asks: another one may be answered with other numbers."""
        return f"{self.url} {self.login[0] if self.login else ''} {self.access.identity}"

    @classmethod
    def parse(
        cls, url: str, headers: Mapping[str, str] | None = None, *, access: PrometheusAccess = NO_LOGIN
    ) -> PrometheusAddress:
        """Return the address that `url` (`https://user:password@host:9090/path`) means; `headers` go with `access`.

        Raises:
            InputError: it is no http or https URL with a host (`url_scheme`, `prometheus_url_invalid`); the message
                never holds what was given, for a password may be in it.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise _bad_url("it cannot be read as a URL", "prometheus_url_invalid") from None
        if parts.scheme not in {"http", "https"}:
            raise _bad_url("its scheme must be http or https", "url_scheme")
        if not parts.hostname or parts.query or parts.fragment:
            raise _bad_url("it must be a host with at most a port and a path, no query", "prometheus_url_invalid")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        place = host if port is None else f"{host}:{port}"
        clean = urlunsplit((parts.scheme, place, parts.path.rstrip("/"), "", ""))
        login = None if parts.username is None else (unquote(parts.username), unquote(parts.password or ""))
        return cls(clean, login, replace(access, headers={**access.headers, **(headers or {})}))


def _bad_url(problem: str, code: str) -> InputError:
    return InputError(f"The address of Prometheus: {problem}, such as http://prometheus:9090.", code=code, field="url")


class _Login(AuthBase):
    """Sends the login that was given, else nothing: without it, requests would take one from ~/.netrc."""

    def __init__(self, login: tuple[str, str] | None) -> None:
        self._login = login

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return requests.auth.HTTPBasicAuth(*self._login)(request) if self._login else request


@contextmanager
def connect(
    address: PrometheusAddress, *, clock: Clock | None = None, read_seconds: float = _READ_SECONDS, tries: int = 4
) -> Iterator[PrometheusConnect]:
    """Yield a client for `address`; it is closed at the end, and whatever goes wrong inside is one of our errors.

    A call that is answered 408, 429 or 5xx, or not at all, is sent up to `tries` times in all, after 0, 1 and 2 s or
    what `Retry-After` asks for, up to 10 s.

    Raises:
        DemandUnavailable: no whole answer came; trying again later may help.
        DemandUnusable: the server refused the query or the login, in its own words, or is no Prometheus.
    """
    from prometheus_api_client import PrometheusConnect

    with _examined(address, clock) as session:
        retry = Retry(
            total=tries - 1,
            backoff_factor=0.5,
            backoff_max=_LONGEST_WAIT,
            retry_after_max=_LONGEST_WAIT,
            status_forcelist=TEMPORARY,
            raise_on_status=False,
        )
        yield PrometheusConnect(
            url=address.url,
            headers=address.access.sent(),
            auth=_Login(address.login),
            retry=retry,
            session=session,
            timeout=(_CONNECT_SECONDS, read_seconds),
        )


def post_range(
    address: PrometheusAddress, form: Mapping[str, str], *, clock: Clock | None = None, read_seconds: float
) -> Any:
    """Return the `result` for a range query that is too long for an address. It is sent once.

    Raises:
        DemandUnavailable, DemandUnusable: as in `connect`.
    """
    with _examined(address, clock) as session:
        response = session.post(
            f"{address.url}/api/v1/query_range",
            data=form,
            headers=address.access.sent(),
            auth=_Login(address.login),
            timeout=(_CONNECT_SECONDS, read_seconds),
        )
        return response.json()["data"]["result"]


@contextmanager
def _examined(address: PrometheusAddress, clock: Clock | None) -> Iterator[requests.Session]:
    """Yield a session whose every answer is looked at; whatever goes wrong inside is one of our errors."""
    access = address.access
    access.require_files()
    with requests.Session() as session:
        session.verify = True if access.ca is None else str(access.ca)
        session.cert = _client_certificate(access)
        session.hooks["response"].append(_Examiner(address, clock or SystemClock()))
        try:
            yield session
        except requests.exceptions.SSLError as error:
            reason = getattr(error.args[0] if error.args else error, "reason", error)
            raise DemandUnusable(
                f"Prometheus at {address.url}: no TLS: {str(reason)[:_WORDS]}. {_TLS_CURE}", code="demand_refused"
            ) from error
        except requests.exceptions.RequestException as error:
            raise _unavailable(address, f"no answer ({_cause(error)})") from error


def _cause(error: BaseException) -> str:
    """Return the innermost reason without the URL that requests puts around it."""
    # requests wraps urllib3, which wraps the socket's error: only the innermost says what happened, and it has no URL.
    seen = error
    while isinstance(inner := getattr(seen, "reason", None) or (seen.args[0] if seen.args else None), BaseException):
        seen = inner
    return type(seen).__name__


def _unavailable(address: PrometheusAddress, problem: str, wait: float = 15.0) -> DemandUnavailable:
    return DemandUnavailable(
        f"Prometheus at {address.url}: {problem}.",
        code="demand_unavailable",
        field="demand",
        retry_after=timedelta(seconds=wait),
    )


class _Examiner:
    """Looks at each answer of a session, as a response hook of requests."""

    def __init__(self, address: PrometheusAddress, clock: Clock) -> None:
        self._address = address
        self._clock = clock

    def __call__(self, response: requests.Response, *_: Any, **__: Any) -> requests.Response:
        try:
            self._examine(response)
        except SpringtideError:
            response.close()
            raise
        return response

    def _examine(self, response: requests.Response) -> None:
        if response.is_redirect:
            # requests would follow it, with our headers
            raise self._refused(redirected(response.headers.get("Location", "")))
        body = self._read(response)
        response.raw = io.BytesIO(body)  # requests reads it a second time, from memory
        answer = parsed(body)
        status = response.status_code
        said = f"it answered {status}{own_words(body, answer)}"
        if is_passing(status, answer):
            raise _unavailable(self._address, said, _wait(response))
        if status != requests.codes.ok:
            raise self._refused(said, cure(status))
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), dict) or "result" not in answer["data"]:
            page = " (a page for people: a login page, or another server)" if is_page(body) else ""
            raise self._refused(f"it does not answer as Prometheus does{page}: is the address right, with its path?")
        self._compare_clocks(response)
        self._require_whole(answer, own_words(body, answer))

    def _require_whole(self, answer: Mapping[str, Any], said: str) -> None:
        found = remarks(answer)
        # Thanos and others answer with what they could reach: half of the pods' demand looks like half of the demand.
        if found.partial or answer.get("isPartial") or answer.get("status") != "success":
            raise _unavailable(self._address, f"its answer is not whole{said}")
        if found.wrong:  # it will say the same the next time
            raise self._refused(f"the query is doubtful{one_line('; '.join(found.wrong))}. Correct it")

    def _compare_clocks(self, response: requests.Response) -> None:
        """Samples are named by the server's clock: where it differs from ours, "now" means two moments."""
        try:
            theirs = parsedate_to_datetime(response.headers["Date"])
            age = timedelta(seconds=float(response.headers.get("Age", 0)))  # of an answer from a cache
        except (KeyError, ValueError):
            return
        ahead = (theirs + age - self._clock.now()).total_seconds()
        if abs(ahead) > CLOCK_SKEW + response.elapsed.total_seconds():
            side = "ahead of" if ahead > 0 else "behind"
            raise DemandUnusable(
                f"Prometheus at {self._address.url}: its clock is {abs(ahead):.0f} s {side} ours. Set both by NTP; "
                "until then its newest samples are not those of now.",
                code="demand_clock",
                field="demand",
            )

    def _read(self, response: requests.Response) -> bytes:
        started = self._clock.monotonic()
        body = bytearray()
        try:
            for part in response.raw.stream(65536, decode_content=True):
                body += part
                if len(body) > _ANSWER_BYTES:
                    size = f"{len(body)} bytes or more once unpacked, at most {_ANSWER_BYTES} are read"
                    raise self._refused(
                        f"its answer is larger than {_ANSWER_BYTES >> 20} MiB ({size}): aggregate with sum()"
                    )
                if self._clock.monotonic() - started > _ANSWER_SECONDS:
                    raise _unavailable(self._address, f"its answer was not whole after {_ANSWER_SECONDS:.0f} s")
        except HTTPError as error:
            raise _unavailable(self._address, f"its answer broke off ({type(error).__name__})") from error
        return bytes(body)

    def _refused(self, problem: str, cure: str = "") -> DemandUnusable:
        end = "" if problem.endswith("?") else "."
        message = f"Prometheus at {self._address.url}: {problem}{end}{cure}"
        return DemandUnusable(message, code="demand_refused", field="demand")


def _client_certificate(access: PrometheusAccess) -> str | tuple[str, str] | None:
    """Return the client's certificate as requests takes it; its key may lie in the same file."""
    if access.certificate is None:
        return None
    return str(access.certificate) if access.key is None else (str(access.certificate), str(access.key))


def _wait(response: requests.Response) -> float:
    """Return the seconds that `Retry-After` asks for, at most ten minutes; 15 where it names none."""
    # Retry-After may also be a date: a server that asks for one gets the default wait.
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), 600.0) if re.fullmatch(r"[0-9]{1,6}", asked) else 15.0
