"""Which images the sandbox has, and what a real container runtime says about the others."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

_REFERENCE = re.compile(r"[a-z0-9]+(?:[._/:-][A-Za-z0-9_.-]+)*(?:@sha256:[0-9a-f]{64})?")


@dataclass(frozen=True, slots=True)
class PullError:
    """Why a container waits for its image, in the kubelet's words."""

    reason: str
    message: str
    needs_pull: bool


def pull_error(image: str, policy: str, present: AbstractSet[str]) -> PullError | None:
    """Return why an image cannot be run, None when it can."""
    if not _REFERENCE.fullmatch(image):
        message = (
            f'Failed to apply default image tag "{image}": couldn\'t parse image name "{image}": '
            "invalid reference format"
        )
        return PullError(reason="InvalidImageName", message=message, needs_pull=False)
    if image in present:
        return None
    if policy == "Never":
        message = f'Container image "{image}" is not present with pull policy of Never'
        return PullError("ErrImageNeverPull", message, needs_pull=False)
    full = image if _has_registry(image) else f"docker.io/library/{image}"
    why = f"{full}: not found"
    if full.startswith("localhost/"):
        name, _, tag = full.removeprefix("localhost/").partition(":")
        url = f"http://localhost/v2/{name}/manifests/{tag or 'latest'}"
        why = f'failed to do request: Head "{url}": dial tcp 127.0.0.1:80: connect: connection refused'
    message = f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": {why}'
    return PullError("ErrImagePull", message, needs_pull=True)


def _has_registry(image: str) -> bool:
    host = image.partition("/")[0]
    return "/" in image and ("." in host or ":" in host or host == "localhost")
