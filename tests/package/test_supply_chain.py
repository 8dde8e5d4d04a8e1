"""What a release is made of: a bill of materials without gaps, an audit that never takes silence for good."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from package.installed import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
VULNERABLE = 1
NOT_AUDITED = 75


@dataclass
class Database:
    """A database of vulnerabilities on loopback: what is known by package, and which it refuses to answer for."""

    url: str = ""
    known: dict[str, str] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    def answer(self, package: str) -> dict[str, Any]:
        """Return what OSV would say of `package`."""
        self.asked.add(package)
        if package not in self.known:
            return {}
        events = [{"introduced": "0"}, {"fixed": "999"}]
        ranges = [{"type": "ECOSYSTEM", "events": events}]
        affected = {"package": {"name": package, "ecosystem": "PyPI"}, "ranges": ranges}
        return {"vulns": [{"id": self.known[package], "summary": "bad", "aliases": [], "affected": [affected]}]}


@pytest.fixture
def database() -> Iterator[Database]:
    known = Database()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = json.dumps(known.answer(asked["package"]["name"])).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Say nothing: a line per package helps nobody."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    known.url = f"http://127.0.0.1:{server.server_port}/v1/query"
    yield known
    server.shutdown()
    thread.join()
    server.server_close()


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / name), *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)


def audit(url: str, folder: Path) -> tuple[int, str]:
    done = script("audit", "--vulnerability-service", "osv", "--osv-url", url, "--cache-dir", str(folder))
    return done.returncode, done.stdout


def locked() -> set[tuple[str, str]]:
    lines = (ROOT / "requirements-runtime.txt").read_text().splitlines()
    return {(match[1], match[2]) for line in lines if (match := re.match(r"([\w.-]+)==(\S+)", line))}


def test_the_bill_of_materials_lists_every_locked_package_with_its_hashes_and_is_the_same_twice(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("first.json", "second.json")]
    for file in files:
        assert script("bill-of-materials", str(file)).returncode == 0
    document = json.loads(files[0].read_text())
    components = document["components"]

    assert files[0].read_bytes() == files[1].read_bytes()
    assert document["metadata"]["component"]["name"] == "springtide"
    assert len(locked()) > 100
    assert {(each["name"], each["version"]) for each in components} == locked()
    assert [each["name"] for each in components if not each["externalReferences"][0]["hashes"]] == []


def test_an_audit_that_finds_nothing_has_asked_about_every_package(database: Database, tmp_path: Path) -> None:
    code, told = audit(database.url, tmp_path)

    assert (code, told) == (0, f"no vulnerability is known in {len(database.asked)} packages\n")
    assert {"apache-airflow", "kubernetes", "sqlalchemy"} <= database.asked


def test_an_audit_names_what_is_vulnerable(database: Database, tmp_path: Path) -> None:
    database.known["httpx"] = "CVE-1998-0001"

    code, told = audit(database.url, tmp_path)

    assert code == VULNERABLE
    assert re.search(r"VULNERABLE: httpx [\d.]+: CVE-1998-0001, fixed in 999", told)


def test_an_audit_that_nobody_answers_says_so_and_is_no_success(tmp_path: Path) -> None:
    code, told = audit("http://127.0.0.1:9/v1/query", tmp_path)

    assert code == NOT_AUDITED
    assert told.startswith("NOT AUDITED: the database of vulnerabilities did not answer.")


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit(workflow: Path) -> None:
    uses = [line.strip().removeprefix("- ") for line in workflow.read_text().splitlines() if "uses:" in line]

    assert len(uses) >= 3
    assert [line for line in uses if not PINNED.fullmatch(line)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_every_job_has_an_end(workflow: Path) -> None:
    document = YAML(typ="safe").load(workflow)

    assert document["permissions"] == {"contents": "read"}
    assert [name for name, job in document["jobs"].items() if "timeout-minutes" not in job] == []
    assert [name for name, job in document["jobs"].items() if "permissions" in job] == []


def test_what_a_workflow_runs_is_here() -> None:
    named = {name for path in WORKFLOWS for name in re.findall(r"(?:scripts|\.ci)/[\w-]+", path.read_text())}

    assert {"scripts/audit", "scripts/bill-of-materials", "scripts/site", ".ci/run"} <= named
    assert [name for name in named if not (ROOT / name).stat().st_mode & 0o100] == []
