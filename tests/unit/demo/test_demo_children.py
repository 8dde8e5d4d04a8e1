"""What the demonstration starts ends with it: at the end of the block, by an error, and when it is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from examples.demo.airflow_server import ROOT
from examples.demo.children import Children, DemoError

PATIENCE = 60
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
GROUPS = "import os, subprocess, sys; subprocess.Popen(sys.argv[1:], process_group=0); import time; time.sleep(600)"
KILLED = """
import sys, time
from pathlib import Path
from examples.demo.children import Children
with Children(Path(sys.argv[1])) as children:
    child = children.start("sleeper", [sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.process.pid, children._guard.process.pid, children.folder("springtide-test-"), flush=True)
    time.sleep(600)
"""


def test_a_block_that_ends_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    with Children(tmp_path / "logs") as children:
        child = children.start("sleeper", SLEEPER)
        folder = children.folder("springtide-test-")
        assert folder.is_dir()

    assert child.process.poll() is not None
    assert not folder.exists()


def test_a_block_that_fails_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    children = Children(tmp_path / "logs")
    started = []

    def fail() -> None:
        with children:
            started.append((children.start("sleeper", SLEEPER), children.folder("springtide-test-")))
            raise DemoError("it cannot go on")

    with pytest.raises(DemoError, match="it cannot go on"):
        fail()

    ((child, folder),) = started
    assert child.process.poll() is not None
    assert not folder.exists()


def test_what_a_child_started_in_a_process_group_of_its_own_ends_with_it(tmp_path: Path) -> None:
    with Children(tmp_path / "logs") as children:
        parent = psutil.Process(children.start("parent", [sys.executable, "-c", GROUPS, *SLEEPER]).process.pid)
        while not (grandchildren := parent.children()):
            children.require_alive()

    assert psutil.wait_procs(grandchildren, timeout=PATIENCE)[1] == []


def test_whoever_is_killed_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "logs")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as demonstration:
        assert demonstration.stdout is not None
        sleeper, guard, folder = demonstration.stdout.readline().split()
        started = [psutil.Process(int(pid)) for pid in (sleeper, guard)]
        assert Path(folder).is_dir()
        demonstration.kill()

    assert psutil.wait_procs(started, timeout=PATIENCE)[1] == []
    assert not Path(folder).exists()


def test_a_child_that_was_stopped_is_asked_for_no_longer(tmp_path: Path) -> None:
    with Children(tmp_path / "logs") as children:
        child = children.start("sleeper", SLEEPER)
        children.stop(child)

        children.require_alive()

    assert child.process.poll() is not None


def test_a_child_that_has_ended_is_told_with_the_end_of_its_log(tmp_path: Path) -> None:
    with Children(tmp_path / "logs") as children:
        child = children.start("short", [sys.executable, "-c", "print('no room'); raise SystemExit(3)"])
        child.process.wait(PATIENCE)

        with pytest.raises(DemoError, match=r"short ended with code 3(.|\n)*no room"):
            children.require_alive()
