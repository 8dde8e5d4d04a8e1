"""Feeds over https: bounded, from checked addresses, and nothing but a whole calendar replaces the last good copy."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from springtide.clock import ManualClock, SystemClock
from springtide.errors import InputError, PermanentError
from springtide.events.feed_address import FeedAddress, checked_addresses, networks_of
from springtide.events.feed_fetch import FeedClient, FetchedFeed, FetchOutcome
from springtide.events.snapshot import read_calendars
from springtide.policy.calendar.ical import MAX_FEED_BYTES
from unit.events.feeds import GOOD, NOW, calendar_text, event

HOST = "calendar.example.com"
SECRET = "/private-0123456789/basic.ics"
CALENDAR = calendar_text(*event(*GOOD))
OTHER = calendar_text(*event("UID:other", "SUMMARY:Other", "DTSTART:20261205T080000Z", "DURATION:PT2H"))


@dataclass
class Served:
    """What the server answers next, and what it was asked."""

    port: int = 0
    status: int = 200
    body: bytes = CALENDAR
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a key and its certificate for the host."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = SystemClock().now()
    signed = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return folder / "key.pem", folder / "cert.pem"


@pytest.fixture
def server(certificate: tuple[Path, Path]) -> Iterator[Served]:
    served = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append({name.lower(): value for name, value in self.headers.items()} | {"path": self.path})
            self.send_response(served.status)
            for name, value in served.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(served.body)))
            self.end_headers()
            self.wfile.write(served.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of clients that hang up."""

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate[1], certificate[0])
    with Quiet(("127.0.0.1", 0), Handler) as listening:
        listening.socket = tls.wrap_socket(listening.socket, server_side=True)
        served.port = listening.server_port
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            listening.shutdown()
            thread.join()


@dataclass
class Desk:
    """A client that trusts the server, and a copy."""

    served: Served
    copy: Path
    authority: Path

    def fetch(self, host: str = HOST, **changes: Any) -> FetchedFeed:
        settings: dict[str, Any] = {
            "clock": SystemClock(),
            "networks": networks_of("127.0.0.0/8"),
            "trust": ssl.create_default_context(cafile=str(self.authority)),
            "look_up": lambda _host, _port: ["127.0.0.1"],
        }
        return FeedClient(**(settings | changes)).fetch(f"https://{host}:{self.served.port}{SECRET}", self.copy)

    def kept(self, **changes: Any) -> str:
        """Return why the copy was kept as it was."""
        before = self.copy.read_bytes() if self.copy.exists() else None
        done = self.fetch(**changes)
        assert done.outcome is FetchOutcome.KEPT
        assert (self.copy.read_bytes() if self.copy.exists() else None) == before
        assert done.problem is not None
        assert "0123456789" not in done.problem
        return done.problem


@pytest.fixture
def desk(server: Served, certificate: tuple[Path, Path], tmp_path: Path) -> Desk:
    return Desk(server, tmp_path / "feeds" / "team.ics", certificate[1])


class TestACopy:
    def test_is_what_the_server_has(self, desk: Desk) -> None:
        assert desk.fetch() == FetchedFeed(outcome=FetchOutcome.FETCHED)
        assert desk.copy.read_bytes() == CALENDAR
        assert (desk.served.asked[0]["host"], desk.served.asked[0]["path"]) == (f"{HOST}:{desk.served.port}", SECRET)

    def test_is_not_sent_again_while_it_is_fresh(self, desk: Desk) -> None:
        desk.served.headers = {"ETag": '"one"'}
        desk.fetch()
        desk.served.status = 304
        desk.served.body = b""

        assert desk.fetch().outcome is FetchOutcome.UNCHANGED
        assert desk.fetch().outcome is FetchOutcome.UNCHANGED
        assert [asked.get("if-none-match") for asked in desk.served.asked] == [None, '"one"', '"one"']
        assert desk.copy.read_bytes() == CALENDAR

    def test_is_asked_for_whole_where_somebody_changed_it(self, desk: Desk) -> None:
        desk.served.headers = {"ETag": '"one"'}
        desk.fetch()
        desk.copy.write_bytes(OTHER)

        assert desk.fetch().outcome is FetchOutcome.FETCHED
        assert "if-none-match" not in desk.served.asked[1]
        assert desk.copy.read_bytes() == CALENDAR

    def test_is_unchanged_by_the_same_again(self, desk: Desk) -> None:
        desk.fetch()

        assert desk.fetch().outcome is FetchOutcome.UNCHANGED

    def test_is_replaced_by_another_calendar(self, desk: Desk) -> None:
        desk.fetch()
        desk.served.body = OTHER

        assert desk.fetch().outcome is FetchOutcome.FETCHED
        assert desk.copy.read_bytes() == OTHER

    def test_may_come_packed(self, desk: Desk) -> None:
        desk.served.body = gzip.compress(CALENDAR)
        desk.served.headers = {"Content-Encoding": "gzip"}

        assert desk.fetch().outcome is FetchOutcome.FETCHED
        assert desk.copy.read_bytes() == CALENDAR


class TestTheLastGoodCopyStays:
    @pytest.fixture(autouse=True)
    def fetched(self, desk: Desk) -> None:
        desk.fetch()

    def test_where_a_page_to_sign_in_comes_and_that_is_not_quoted(self, desk: Desk) -> None:
        desk.served.body = b"<!DOCTYPE html><title>Sign in to the vault</title>"

        assert desk.kept() == "it is no iCalendar file, and has 50 bytes: is it a page to sign in?"

    def test_where_the_answer_is_cut_off(self, desk: Desk) -> None:
        desk.served.body = OTHER[:-20]

        assert "cut off" in desk.kept()

    def test_where_it_would_be_led_elsewhere(self, desk: Desk) -> None:
        desk.served.status = 302
        desk.served.headers = {"Location": "https://169.254.169.254/latest/meta-data"}

        assert "redirects are not followed" in desk.kept()
        assert len(desk.served.asked) == 2

    @pytest.mark.parametrize(("status", "is_temporary"), [(401, False), (404, False), (429, True), (503, True)])
    def test_where_the_server_says_no(self, desk: Desk, status: int, *, is_temporary: bool) -> None:
        desk.served.status = status

        assert desk.kept() == f"it answers {status}"
        assert desk.fetch().is_temporary is is_temporary

    def test_where_more_comes_than_is_read(self, desk: Desk) -> None:
        desk.served.body = gzip.compress(b"\0" * (MAX_FEED_BYTES + 1))
        desk.served.headers = {"Content-Encoding": "gzip"}

        assert f"at most {MAX_FEED_BYTES} are read" in desk.kept()

    def test_where_it_takes_too_long(self, desk: Desk) -> None:
        class Slow(ManualClock):
            def monotonic(self) -> float:
                self.sleep(61)
                return super().monotonic()

        assert "takes longer than 60 s" in desk.kept(clock=Slow(NOW))

    def test_where_the_certificate_is_for_another_name(self, desk: Desk) -> None:
        problem = desk.kept(host="other.example.com")

        assert problem == "other.example.com does not answer (its certificate is not trusted)"

    def test_where_nobody_trusts_it(self, desk: Desk) -> None:
        assert "certificate is not trusted" in desk.kept(trust=None)

    def test_where_it_leads_into_a_network_of_ours(self, desk: Desk) -> None:
        problem = desk.kept(networks=())

        assert "127.0.0.1, which is no address of the Internet" in problem
        assert "SPRINGTIDE_PRIVATE_FEEDS" in problem
        assert len(desk.served.asked) == 1

    def test_where_its_name_leads_to_another_place_the_second_time(self, desk: Desk) -> None:
        answers = iter((["127.0.0.1"], ["169.254.169.254"]))

        assert desk.fetch(look_up=lambda _host, _port: next(answers)).outcome is FetchOutcome.UNCHANGED
        assert next(answers) == ["169.254.169.254"]  # it was looked up once


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
        "64:ff9b::a00:1", "2002:a00:1::", "ff02::1",
    ],
)  # fmt: skip
def test_no_address_of_ours_is_asked(address: str) -> None:
    feed = FeedAddress.parse("https://calendar.example.com/x.ics")

    with pytest.raises(PermanentError) as refused:
        checked_addresses(feed, (), lambda _host, _port: ["93.184.216.34", address])

    assert refused.value.code == "url_not_allowed"


def test_addresses_of_the_internet_and_of_networks_that_were_named_are_asked() -> None:
    feed = FeedAddress.parse("https://calendar.example.com/x.ics")
    found = ["93.184.216.34", "2606:2800:220:1::1", "10.1.2.3", "fd00::1"]

    assert checked_addresses(feed, networks_of("10.0.0.0/8, fd00::/8"), lambda _host, _port: found) == found


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/x.ics", "file:///etc/passwd", "ftp://a.example/x", "https:///x", "https://a.example:99999/x",
        "https://a.example/x y", "https://a.example/\r\nHost: b", "gopher://a", "", "https://[::1/x",
    ],
)  # fmt: skip
def test_only_https_is_fetched_and_no_address_is_shown(url: str) -> None:
    with pytest.raises(InputError) as refused:
        FeedAddress.parse(url)

    assert url == "" or url not in refused.value.message


def test_a_login_goes_along_and_is_not_shown() -> None:
    feed = FeedAddress.parse("https://me:pa%3Ass@calendar.example.com/x.ics?key=1")

    assert (feed.host, feed.port, feed.target) == ("calendar.example.com", 443, "/x.ics?key=1")
    assert feed.login == "Basic bWU6cGE6c3M="
    assert "key" not in repr(feed)
    assert "bWU6" not in repr(feed)


def test_a_network_that_is_none_is_told() -> None:
    with pytest.raises(InputError, match="SPRINGTIDE_PRIVATE_FEEDS"):
        networks_of("10.0.0.0/8, all")


@pytest.mark.parametrize(("days", "is_told"), [(1, False), (3, True)])
def test_a_copy_that_could_not_be_refreshed_for_days_is_told(tmp_path: Path, days: int, *, is_told: bool) -> None:
    (tmp_path / "sales.yaml").write_text(
        "apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {name: sales, owner: shop}\nspec:\n  timezone: UTC\n"
        "  imports: [{name: team, ical: team.ics, connection: team, services: {web: {replicas: 3}}}]\n"
    )
    (tmp_path / "team.ics").write_bytes(CALENDAR)
    at = NOW - timedelta(days=days)
    (tmp_path / "team.ics.fetched.json").write_text(f'{{"at": "{at.isoformat()}"}}')

    known = read_calendars(tmp_path, {}, now=NOW)

    assert any(f"could not be fetched since {at:%Y-%m-%d}" in warning for warning in known.warnings) is is_told
    assert len(known.calendars.occurrences) == 1
