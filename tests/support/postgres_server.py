"""A PostgreSQL of the tests' own: a throw-away cluster on a Unix socket, so that no port and no password is needed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OWNER = "springtide"


def binaries() -> Path | None:
    """Return the directory of the newest installed server, None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    initdb = str(debian[-1]) if debian else shutil.which("initdb")
    return Path(initdb).parent if initdb else None


def is_wanted() -> bool:
    """Whether tests run on PostgreSQL: where it is installed, and always in CI, which fails when it is not."""
    return binaries() is not None or bool(os.environ.get("CI"))


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Start a server, yield its socket directory, stop it and leave nothing behind."""
    programs = binaries()
    assert programs is not None, "PostgreSQL is not installed: scripts/test-packages installs it"
    # A socket path has 107 bytes, and the server's account must be able to get to it: so not where TMPDIR points.
    home = Path(tempfile.mkdtemp(prefix="springtide-pg-", dir="/tmp"))
    runs_as = account()
    user, group = (runs_as.pw_uid, runs_as.pw_gid) if runs_as.pw_uid != os.getuid() else (None, None)
    os.chown(home, runs_as.pw_uid, runs_as.pw_gid)

    def call(program: str, *arguments: str) -> None:
        command = [str(programs / program), "--pgdata", str(home / "data"), *arguments]
        with (home / "log").open("ab") as log:
            done = subprocess.run(
                command, user=user, group=group, stdout=log, stderr=log, timeout=60, check=False, cwd=home
            )
        assert done.returncode == 0, (home / "log").read_text()

    settings = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off"
    try:
        call("initdb", "--username", OWNER, "--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C.UTF-8")
        call("pg_ctl", "start", "--wait", "--timeout", "30", "--options", settings)
        try:
            yield str(home)
        finally:
            call("pg_ctl", "stop", "--wait", "--mode", "immediate")
    finally:
        shutil.rmtree(home)


def account() -> pwd.struct_passwd:
    """Return who the server runs as: PostgreSQL refuses root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    names = {account.pw_name: account for account in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]
