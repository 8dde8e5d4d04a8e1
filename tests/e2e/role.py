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
"""The namespace of the one service account: it is bound in every namespace that a test scales in."""

NAME: Final = "springtide"
_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1/namespaces"
_VALID_SECONDS: Final = 6 * 3600


def grant(see: Observer, file: str) -> None:
    """Bind the Role of a file that is shipped to the service account, in the observer's namespace."""
    documents = {each["kind"]: each for each in YAML(typ="safe", pure=True).load_all(ROLES / file)}
    see.define(f"{_RBAC}/{see.namespace}/roles", documents["Role"])
    subject = {"kind": "ServiceAccount", "name": NAME, "namespace": HOME}
    see.define(f"{_RBAC}/{see.namespace}/rolebindings", documents["RoleBinding"] | {"subjects": [subject]})


def kubeconfig_of_the_role(see: Observer, admin: Path, folder: Path) -> Path:
    """Return a kubeconfig in `folder` with the rights of `rbac.yaml` in the observer's namespace, and no others."""
    accounts = f"/api/v1/namespaces/{HOME}/serviceaccounts"
    see.define(accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME}})
    grant(see, "rbac.yaml")
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": _VALID_SECONDS},
    }
    token = see.post(f"{accounts}/{NAME}/token", request)["status"]["token"]
    document: Json = json.loads(json.dumps(YAML(typ="safe", pure=True).load(admin)))
    document["users"] = [{"name": each["name"], "user": {"token": token}} for each in document["users"]]
    written = folder / "kubeconfig"
    write_private(written, json.dumps(document))
    return written
