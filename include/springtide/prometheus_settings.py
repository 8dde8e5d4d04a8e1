"""How the command line reaches Prometheus: those of its `SPRINGTIDE_…` variables that are about that alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from springtide.variables import Reader, variable


@dataclass(frozen=True, slots=True, kw_only=True)
class PrometheusSettings:
    """Where it is and how to log in there. Headers may hold a password and are left out of `repr`."""

    prometheus_url: str | None = field(
        metadata=variable(
            "PROMETHEUS",
            None,
            "The Prometheus that policies with `source: prometheus` ask. "
            "In Airflow the connection `prometheus_default`.",
            reader=Reader.COMMAND_LINE,
        )
    )
    prometheus_headers: str | None = field(
        repr=False,
        metadata=variable(
            "PROMETHEUS_HEADERS",
            None,
            "Headers for that Prometheus, one a line: `NAME: VALUE`, such as `X-Scope-OrgID: shop` for a tenant.",
            reader=Reader.COMMAND_LINE,
        ),
    )
    prometheus_token_file: Path | None = field(
        metadata=variable(
            "PROMETHEUS_TOKEN_FILE",
            None,
            "A file with a bearer token for it. It is read for each connection, so a renewed token counts.",
            reader=Reader.COMMAND_LINE,
            parse=Path,
        )
    )
    prometheus_ca: Path | None = field(
        metadata=variable(
            "PROMETHEUS_CA",
            None,
            "A PEM file with the authorities that its certificate may be of, in the place of the machine's own.",
            reader=Reader.COMMAND_LINE,
            parse=Path,
        )
    )
    prometheus_certificate: Path | None = field(
        metadata=variable(
            "PROMETHEUS_CERTIFICATE",
            None,
            "A PEM file with the certificate to show to it, for mutual TLS.",
            reader=Reader.COMMAND_LINE,
            parse=Path,
        )
    )
    prometheus_key: Path | None = field(
        metadata=variable(
            "PROMETHEUS_KEY",
            None,
            "A PEM file with that certificate's key, where it is not in the same file.",
            reader=Reader.COMMAND_LINE,
            parse=Path,
        )
    )
