"""Plays the tests of some safeties in a process of their own: each as it is, then with its safety taken out.

In a process of their own because what a mutated run leaves behind, in a cache for one, is nobody else's.

    python -m safeties.taking_out FILE NAME...        writes what came of each to FILE, as JSON
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from safeties import ALL
from safeties.safety import Safety

PASSED = "passed"


@dataclass(eq=False)
class Player:
    """A plugin of pytest that plays the collected tests in its own way."""

    safeties: Sequence[Safety]
    came_to: dict[str, dict[str, str]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Play the test of each safety twice; one that is not there keeps no other from being played."""
        named = {safety.seen_by for safety in self.safeties}
        tests = {name: item for item in session.items if (name := item.nodeid.removeprefix("tests/")) in named}
        untouched = {name: self.played(test) for name, test in tests.items()}
        for safety in self.safeties:
            test = tests.get(safety.seen_by)
            self.came_to[safety.name] = {
                "untouched": untouched.get(safety.seen_by, "there is no such test"),
                "taken_out": "there is no such test" if test is None else self.mutated(test, safety),
            }
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep how a part of a test failed."""
        if not report.passed:
            self.failures.append(report.longreprtext)

    def mutated(self, test: pytest.Item, safety: Safety) -> str:
        """Return how the test came out without a safety."""
        with pytest.MonkeyPatch.context() as patch:
            try:
                safety.take_out(patch)
            except AttributeError as error:
                return f"it cannot be taken out, for it is not there: {error}"
            return self.played(test)

    def played(self, test: pytest.Item) -> str:
        """Return `passed`, or how the test failed."""
        self.failures.clear()
        test.ihook.pytest_runtest_protocol(item=test, nextitem=None)
        return "\n".join(self.failures) or PASSED


def main(file: Path, names: Sequence[str]) -> int:
    """Play what `names` say; return pytest's exit code."""
    chosen = [safety for safety in ALL if safety.name in names]
    player = Player(chosen)
    files = sorted({f"tests/{safety.seen_by.partition('::')[0]}" for safety in chosen})
    # In full: how a test failed has to be found in what it says.
    options = ["-vv", "--tb=short", "--no-summary", "-p", "no:cacheprovider", "-p", "no:xdist"]
    # What a test without its safety leaves open ends neither the others nor what is told of all.
    options += ["-p", "no:unraisableexception"]
    code = pytest.main([*options, *files], plugins=[player])
    file.write_text(json.dumps(player.came_to))
    return int(code)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
