"""What a cluster is started from: Debian's packages, Kubernetes compiled from its Go modules, and two small images.

Each result has a folder in the cache whose name carries the version and a hash of its sources: a change makes a new
one, and what is unchanged costs nothing. A folder appears by one rename, so half a build is never seen.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cluster.image import Image
from cluster.settings import KUBERNETES, PARTS, SOURCES, ClusterError, cache, module_file, version_from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

COMMANDS = {  # what is called -> the Debian package that has it
    "etcd": "etcd-server",
    "containerd": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "nft": "nftables",
    "conntrack": "conntrack",
    "modprobe": "kmod",
    "openssl": "openssl",
    "unshare": "util-linux",
}
FILES = {"/usr/lib/cni/bridge": "containernetworking-plugins"}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Built:
    """Where the results are."""

    binaries: Path
    images: Path


def say(message: str) -> None:
    """Tell the person who waits what is going on."""
    print(f"cluster: {message}", file=sys.stderr, flush=True)  # noqa: T201  (a command-line tool)


def obstacle() -> str | None:
    """Return in one line why this machine cannot run a cluster, or None when it can."""
    if not sys.platform.startswith("linux"):
        return f"a cluster needs Linux, this is {sys.platform}"
    if os.geteuid() != 0:
        return "a cluster needs root (namespaces, mounts, cgroups)"
    if shutil.which("go") is None:
        return "a cluster is compiled with Go, which is not installed (https://go.dev/dl, 1.24 or newer)"
    missing = missing_packages()
    if missing and shutil.which("apt-get") is None:
        return f"a cluster needs {', '.join(missing)} (Debian's names), and there is no apt-get to install them"
    return None


def missing_packages() -> list[str]:
    """Return the Debian packages whose commands or files are not there."""
    commands = [package for command, package in COMMANDS.items() if shutil.which(command, path=SYSTEM_PATH) is None]
    return commands + [package for file, package in FILES.items() if not Path(file).exists()]


def build() -> Built:
    """Return the binaries and images, built first where the cache has none.

    Raises:
        ClusterError: the machine cannot build them, or a step of the build failed (with the end of its output).
    """
    if reason := obstacle():
        raise ClusterError(reason)
    version = version_from_environment()
    module = module_file(version)
    with locked("packages"):
        install(missing_packages())
    return Built(
        binaries=cached(
            f"kubernetes-{version}",
            (KUBERNETES / "main.go", module, module.with_suffix(".sum")),
            lambda into: compile_kubernetes(version, into),
        ),
        images=cached("images", (*(SOURCES / "web").iterdir(), SOURCES / "image.py", Path(__file__)), write_images),
    )


def install(packages: Sequence[str]) -> None:
    """Install Debian packages without asking."""
    if not packages:
        return
    say(f"installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], env=environment)
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], env=environment)


def compile_kubernetes(version: str, into: Path) -> None:
    """Compile the one binary and give it the name of each part."""
    say(f"compiling Kubernetes {version}: several minutes, once")
    major, minor, _ = version.split(".")
    stamp = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    stamped = [
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in stamp.items()
    ]
    compile_go(KUBERNETES, into / "kubernetes", stamped, f"-modfile={module_file(version)}")
    for part in PARTS:
        (into / part).symlink_to("kubernetes")


def write_images(into: Path) -> None:
    """Write `web`, the service that is scaled, and `pause`, which holds a pod's namespaces."""
    say("writing the images localhost/web:1 and localhost/pause:1")
    compile_go(SOURCES / "web", into / "web")
    files = {"bin/web": into / "web"}
    Image("localhost/web:1", ("/bin/web",), files).write(into / "web.tar")
    Image("localhost/pause:1", ("/bin/web", "pause"), files).write(into / "pause.tar")


def compile_go(module: Path, binary: Path, stamped: Sequence[str] = (), *arguments: str) -> None:
    """Compile a Go module to a static binary, politely: whoever else works on this machine goes first.

    Further arguments are go's own; the package is the module's root unless they end with another one.
    """
    link = " ".join(["-s", "-w", *stamped])
    command = ["nice", "go", "build", "-buildvcs=false", "-trimpath", "-ldflags", link, "-o", str(binary)]
    run([*command, *arguments], cwd=module, env={**os.environ, "CGO_ENABLED": "0"})


def run(command: Sequence[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run one step of the build.

    Raises:
        ClusterError: it failed; the message ends with what it said last.
    """
    done = subprocess.run(command, cwd=cwd, env=env, text=True, capture_output=True, timeout=3600, check=False)
    if done.returncode != 0:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise ClusterError(f"`{' '.join(command[:4])} ...` ended with {done.returncode}:\n{said}")


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Let one process at a time past; the others wait."""
    folder = cache() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cached(what: str, sources: Sequence[Path], make: Callable[[Path], None]) -> Path:
    """Return the folder of `what` in the cache, made first where no folder was made of the same sources."""
    folder = cache() / f"{what}-{_digest(sources)}"
    with locked(what):
        if not folder.exists():
            with tempfile.TemporaryDirectory(dir=cache(), prefix=f"{what}.") as part:
                building = Path(part) / "made"
                building.mkdir()
                make(building)
                building.rename(folder)
    return folder


def _digest(sources: Sequence[Path]) -> str:
    digest = hashlib.sha256()
    for source in sorted(sources):
        digest.update(f"{source.name}\n".encode() + source.read_bytes())
    return digest.hexdigest()[:12]
