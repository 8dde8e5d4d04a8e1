"""The rights that are shipped: on a cluster with RBAC, `springtide` has these and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ruamel.yaml import YAML

from springtide.private_file import write_private

if TYPE_CHECKING:
    from e2e.manifests import Json
    from e2e.observer import Observer

ROLES: Final = Path(__file__).parents[2] / "deploy" / "kubernetes"
HOME: Final = "default"
"""The namespace of the service accounts: they are bound in every namespace that a test scales in."""

_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1/namespaces"
_VALID_SECONDS: Final = 6 * 3600


def kubeconfig_of_the_role(see: Observer, admin: Path, folder: Path, file: str = "rbac.yaml") -> Path:
    """Return a kubeconfig in `folder` of the account in a file that is shipped, with its Role's rights and no others.

    They hold in the observer's namespace, and in those where the account was bound before.
    """
    documents = {each["kind"]: each for each in YAML(typ="safe", pure=True).load_all(ROLES / file)}
    name = str(documents["ServiceAccount"]["metadata"]["name"])
    accounts = f"/api/v1/namespaces/{HOME}/serviceaccounts"
    see.define(accounts, documents["ServiceAccount"])
    see.define(f"{_RBAC}/{see.namespace}/roles", documents["Role"])
    subject = {"kind": "ServiceAccount", "name": name, "namespace": HOME}
    see.define(f"{_RBAC}/{see.namespace}/rolebindings", documents["RoleBinding"] | {"subjects": [subject]})
    written = folder / f"{name}.kubeconfig"
    write_private(written, json.dumps(_with_token(admin, _token(see, f"{accounts}/{name}"))))
    return written


def _token(see: Observer, account: str) -> str:
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _VALID_SECONDS},
    }
    return str(see.post(f"{account}/token", request)["status"]["token"])


def _with_token(admin: Path, token: str) -> Json:
    document: Json = json.loads(json.dumps(YAML(typ="safe", pure=True).load(admin)))
    document["users"] = [{"name": each["name"], "user": {"token": token}} for each in document["users"]]
    return document
