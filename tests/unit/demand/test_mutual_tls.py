"""A server that trusts an authority of its own, and wants a certificate of the client's."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from springtide.demand.access import PrometheusAccess
from springtide.demand.instant import instant_query
from springtide.errors import DemandUnusable
from unit.demand.prometheus_server import Prometheus, serve, vector


@dataclass(frozen=True)
class Authority:
    """Makes certificates in `folder`, whose own is `ca.pem`."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    @classmethod
    def made(cls, folder: Path) -> Authority:
        authority = cls(folder, ec.generate_private_key(ec.SECP256R1()), _named("a test's authority"))
        authority.write("ca", authority.key, authority.name, is_authority=True)
        return authority

    def write(self, file: str, key: ec.EllipticCurvePrivateKey, name: x509.Name, *, is_authority: bool) -> None:
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        (self.folder / f"{file}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (self.folder / f"{file}.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )

    def issue(self, file: str) -> None:
        self.write(file, ec.generate_private_key(ec.SECP256R1()), _named(file), is_authority=False)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tls")
    authority = Authority.made(place)
    authority.issue("server")
    authority.issue("client")
    return place


@pytest.fixture
def server(folder: Path) -> Iterator[Prometheus]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with serve(tls=context) as state:
        state.answer = lambda _: vector({"metric": {}, "value": [0, "7"]})
        yield state


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits between tries take no time."""
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _seconds: None)


def test_an_authority_and_a_certificate_of_files_are_taken(server: Prometheus, folder: Path) -> None:
    access = PrometheusAccess(ca=folder / "ca.pem", certificate=folder / "client.pem", key=folder / "client.key")

    assert instant_query(server.url, "x", access=access) == 7


def test_the_key_may_lie_in_the_file_of_the_certificate(server: Prometheus, folder: Path) -> None:
    both = folder / "both.pem"
    both.write_bytes((folder / "client.pem").read_bytes() + (folder / "client.key").read_bytes())

    assert instant_query(server.url, "x", access=PrometheusAccess(ca=folder / "ca.pem", certificate=both)) == 7


def test_an_authority_that_nobody_trusts_names_what_to_set(server: Prometheus) -> None:
    with pytest.raises(DemandUnusable) as caught:
        instant_query(server.url, "x")

    assert caught.value.code == "demand_refused"
    assert "--prometheus-ca; in Airflow the extra field ca" in caught.value.message


@pytest.mark.parametrize("name", ["ca", "certificate"])
def test_a_file_that_holds_no_certificate_is_told(server: Prometheus, tmp_path: Path, folder: Path, name: str) -> None:
    (tmp_path / "nothing.pem").write_text("nothing")
    nothing = tmp_path / "nothing.pem"
    access = PrometheusAccess(
        ca=nothing if name == "ca" else folder / "ca.pem", certificate=nothing if name == "certificate" else None
    )

    with pytest.raises(DemandUnusable) as caught:
        instant_query(server.url, "x", access=access)

    assert caught.value.code == "demand_refused"
    assert server.asked == []
