"""Who is who in the cluster: a certificate authority, the API server's certificate, a token for each part.

Made with openssl at each start and thrown away with the cluster; nothing of it is worth anything elsewhere.
"""

from __future__ import annotations

import secrets
import subprocess
from typing import TYPE_CHECKING

from cluster.settings import FIRST, KUBERNETES_SERVICE, LINK_ENDS, NODES

if TYPE_CHECKING:
    from pathlib import Path

USERS = {  # kubeconfig -> user and groups that RBAC knows
    "admin": ("admin", "system:masters"),
    "controllers": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
    "proxy": ("system:kube-proxy", ""),
    **{node.name: (f"system:node:{node.name}", "system:nodes") for node in NODES},
}
AGGREGATOR = "aggregator"
"""As whom the API server calls the API servers of others that it hands requests on to."""

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
NAMES = ",".join(
    [
        *(f"IP:{address}" for address in (FIRST.address, "127.0.0.1", KUBERNETES_SERVICE, *LINK_ENDS)),
        *(f"DNS:{name}" for name in ("localhost", "kubernetes.default.svc")),
    ]
)


def write_certificates(folder: Path) -> dict[str, str]:
    """Write all keys and certificates and `tokens.csv` into a new folder; return each user's token."""
    folder.mkdir(parents=True)
    _openssl(
        folder,
        "req",
        "-x509",
        *KEY,
        "-days",
        "365",
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        "-subj",
        "/CN=springtide-ca",
    )
    sign(folder, "apiserver", NAMES)
    sign(folder, AGGREGATOR)
    _openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "serviceaccounts.key")
    tokens = {who: secrets.token_hex(16) for who in USERS}
    lines = [f'{tokens[who]},{user},{who},"{groups}"' for who, (user, groups) in USERS.items()]
    (folder / "tokens.csv").touch(mode=0o600)
    (folder / "tokens.csv").write_text("\n".join(lines) + "\n")
    return tokens


def sign(folder: Path, name: str, names: str = "") -> None:
    """Write `NAME.key` and `NAME.crt`, signed by the authority in the folder, for these names and addresses."""
    _openssl(folder, "req", *KEY, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (folder / f"{name}.names").write_text(f"subjectAltName={names}\n" if names else "")
    signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", f"{name}.names", "-days", "365")
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", *signed, "-out", f"{name}.crt")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)
