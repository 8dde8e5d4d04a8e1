"""A PostgreSQL primary with a standby that confirms every commit, of the tests' own, and writers that keep a ledger."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

import psycopg

from support.postgres_server import OWNER, account, binaries

SETTINGS = "-c listen_addresses='' -c fsync=off -c unix_socket_directories={home}"


@dataclass
class Pair:
    """Two servers in one folder; `home` has a socket folder for each."""

    home: Path

    @property
    def address(self) -> str:
        """Where whoever takes writes is found: libpq tries both."""
        hosts = f"{self.home}/primary,{self.home}/standby"
        return f"host={hosts} port=5432,5432 user={OWNER} dbname=postgres target_session_attrs=read-write"

    def only(self, name: str) -> str:
        """Return the address of one of the two."""
        return f"host={self.home}/{name} user={OWNER} dbname=postgres"

    def stop_primary(self) -> None:
        """Crash it: nothing is flushed, nobody is told."""
        self.call("pg_ctl", "primary", "stop", "--wait", "--mode", "immediate")

    def promote(self) -> None:
        """Make the standby the primary."""
        self.call("pg_ctl", "standby", "promote", "--wait")

    def start(self, name: str) -> None:
        """Start one of the two."""
        (self.home / name).mkdir(exist_ok=True)
        os.chown(self.home / name, account().pw_uid, account().pw_gid)
        options = SETTINGS.format(home=self.home / name)
        self.call("pg_ctl", name, "start", "--wait", "--timeout", "30", "--options", options)

    def call(self, program: str, name: str, *arguments: str) -> None:
        """Run one of PostgreSQL's programs on the data of one of the two."""
        programs = binaries()
        assert programs is not None, "PostgreSQL is not installed: scripts/test-packages installs it"
        command = [str(programs / program), "--pgdata", str(self.home / f"{name}-data"), *arguments]
        runs_as = account()
        user, group = (runs_as.pw_uid, runs_as.pw_gid) if runs_as.pw_uid != os.getuid() else (None, None)
        with (self.home / "log").open("ab") as log:
            done = subprocess.run(
                command, user=user, group=group, stdout=log, stderr=log, timeout=60, check=False, cwd=self.home
            )
        assert done.returncode == 0, (self.home / "log").read_text()


@contextmanager
def postgresql_pair() -> Iterator[Pair]:
    """Start a primary and a standby that confirms every commit; leave nothing behind."""
    home = Path(tempfile.mkdtemp(prefix="springtide-pg-", dir="/tmp"))
    os.chown(home, account().pw_uid, account().pw_gid)
    pair = Pair(home)
    try:
        pair.call("initdb", "primary", "--username", OWNER, "--auth", "trust", "--no-sync", "--locale", "C.UTF-8")
        pair.start("primary")
        base = ["--host", f"{home}/primary", "--username", OWNER, "--write-recovery-conf", "--checkpoint", "fast"]
        pair.call("pg_basebackup", "standby", *base)
        pair.start("standby")
        with psycopg.connect(pair.only("primary"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute("CREATE TABLE ledger (id integer PRIMARY KEY)")
        yield pair
    finally:
        for name in ("primary", "standby"):
            with suppress(AssertionError):  # one of them has been stopped by its test
                pair.call("pg_ctl", name, "stop", "--mode", "immediate")
        shutil.rmtree(home)


@dataclass
class Writer:
    """Writes row after row, and keeps which ones the database acknowledged."""

    address: str
    acknowledged: list[int] = field(default_factory=list)
    _stopped: Event = field(default_factory=Event)

    def start(self) -> Thread:
        """Begin, in a thread of its own."""
        thread = Thread(target=self._write, daemon=True)
        thread.start()
        return thread

    def stop(self, thread: Thread) -> None:
        """Stop after the row that is being written."""
        self._stopped.set()
        thread.join(30)

    def _write(self) -> None:
        number = 0
        while not self._stopped.is_set():
            with suppress(psycopg.Error), psycopg.connect(self.address, autocommit=True, connect_timeout=2) as database:
                while not self._stopped.wait(0.005):
                    number += 1
                    database.execute("INSERT INTO ledger VALUES (%s)", [number])
                    self.acknowledged.append(number)


def rows(address: str) -> set[int]:
    """Return what the database holds."""
    with psycopg.connect(address, autocommit=True) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM ledger").fetchall()}
