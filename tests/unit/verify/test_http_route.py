"""Requests straight to a Service's address, over real connections."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from springtide.clock import SystemClock
from springtide.verify.route import HttpRoute
from support.builders import NOW


class Echo(BaseHTTPRequestHandler):
    """Says which host it was asked for."""

    def do_GET(self) -> None:
        """Answer."""
        body = self.headers["Host"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve on loopback; return host and port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def self_signed(folder: Path) -> ssl.SSLContext:
    """Return the settings of a server whose certificate nobody has signed, for a name that nobody asks for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "web.shop.svc")])
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "both.pem").write_bytes(secret + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


def test_headers_are_sent_along() -> None:
    with serving() as host:
        answer = HttpRoute(SystemClock()).get(f"http://{host}/", timeout_seconds=5, headers={"Host": "shop.example"})

    assert (answer.status, answer.body) == (200, "shop.example")


def test_a_certificate_that_names_nobody_is_taken_as_the_kubelet_takes_it(tmp_path: Path) -> None:
    with serving(self_signed(tmp_path)) as host:
        answer = HttpRoute(SystemClock()).get(f"https://{host}/", timeout_seconds=5)

    assert (answer.status, answer.body) == (200, host)


def test_tls_on_a_plain_port_is_told() -> None:
    with serving() as host:
        answer = HttpRoute(SystemClock()).get(f"https://{host}/", timeout_seconds=5)

    assert answer.status == 0
    assert "SSL" in str(answer.error)
