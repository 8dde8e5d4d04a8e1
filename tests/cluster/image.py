"""Container images from static binaries, written as `docker save` writes them: no engine, no registry."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True, slots=True)
class Image:
    """One layer of executables: `files` maps a path in the image to the binary on this machine."""

    name: str
    entrypoint: tuple[str, ...]
    files: Mapping[str, Path]

    def write(self, archive: Path) -> None:
        """Write the archive; the same binaries give the same bytes."""
        layer = self._layer()
        config = self._config(layer)
        config_name = f"{hashlib.sha256(config).hexdigest()}.json"
        manifest = json.dumps([{"Config": config_name, "RepoTags": [self.name], "Layers": ["layer.tar"]}]).encode()
        with tarfile.open(archive, "w") as out:
            for name, content in ((config_name, config), ("layer.tar", layer), ("manifest.json", manifest)):
                _add(out, name, content)

    def _layer(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as out:
            for folder in sorted({path.rpartition("/")[0] for path in self.files}):
                entry = tarfile.TarInfo(folder)
                entry.type = tarfile.DIRTYPE
                entry.mode = 0o755
                out.addfile(entry)
            for path, source in sorted(self.files.items()):
                _add(out, path, source.read_bytes(), mode=0o755)
        return buffer.getvalue()

    def _config(self, layer: bytes) -> bytes:
        return json.dumps(
            {
                "architecture": ARCHITECTURES[platform.machine()],
                "os": "linux",
                "config": {"Entrypoint": list(self.entrypoint), "Env": ["PATH=/bin"]},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
            }
        ).encode()


def _add(archive: tarfile.TarFile, name: str, content: bytes, *, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = mode
    archive.addfile(entry, io.BytesIO(content))
