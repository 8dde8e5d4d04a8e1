"""The OpenAPI document against what the application answers, by schemathesis: thousands of requests, none of it odd."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.served import served
from support.simulation import Simulation
from support.web import OPERATOR, WebScene

PROGRAM = Path(sys.executable).with_name("schemathesis")


def test_the_document_says_what_is_answered(tmp_path: Path) -> None:
    many = {"SPRINGTIDE_REST_WRITES": "1000000", "SPRINGTIDE_REST_REQUESTS": "1000000"}
    scene = WebScene.of(Simulation.of(2), tmp_path, **many)

    with served(scene.app()) as url:
        done = subprocess.run(
            [
                *(PROGRAM, f"--config-file={Path(__file__).with_name('schemathesis.toml')}", "run"),
                *(f"{url}/api/v1/openapi.json", f"--url={url}", "--workers=1", "--no-color", "--seed=1"),
                *("--header", f"Authorization: Bearer {OPERATOR.name}"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "No issues found" in done.stdout or "passed" in done.stdout
