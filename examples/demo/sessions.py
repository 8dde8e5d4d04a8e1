"""Sessions of processes: what a child has started, in whatever process groups, ends with it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import psutil

GRACE_SECONDS: Final = 15
"""How long a process may take to stop by itself; then it, and whatever it started, is killed."""

KILL_SECONDS: Final = 5


def kill_session(leader: int) -> None:
    """Kill what is left of the session that `leader` began: Airflow's parts have process groups of their own in it."""
    left = list(_members(leader))
    for process in left:
        try:
            process.kill()
        except psutil.Error:  # it has just ended
            continue
    psutil.wait_procs(left, timeout=KILL_SECONDS)


def stop_stranger(pid: int, created: float, first: signal.Signals) -> None:
    """Stop a process that is not our child, gently first, and what is left of its session.

    It is passed over when `pid` is somebody else by now: `created` is when the process began.
    """
    with suppress(psutil.Error):  # it has ended, or does not end in time: what is left is killed
        process = psutil.Process(pid)
        if process.create_time() == created:
            process.send_signal(first)
            process.wait(GRACE_SECONDS)
    kill_session(pid)


def _members(leader: int) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (OSError, psutil.Error):  # it has just ended
            continue
