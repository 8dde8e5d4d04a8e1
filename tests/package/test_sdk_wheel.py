"""The SDK as a stranger gets it: its wheel alone, running the example of docs/sdk.md as it stands there."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from e2e.sandbox_cluster import start_sandbox
from package.installed import ROOT, SECONDS, UV, Installation, build_wheel, call, environment, install

pytestmark = pytest.mark.xdist_group("sdk_wheel")
PAGE = ROOT / "docs" / "sdk.md"
HEAVY = {"apache-airflow", "apache-airflow-core", "pandas", "numpy", "numba", "scipy", "kubernetes", "sqlalchemy"}
SERVER = Path(__file__).with_name("sdk_server.py")


def build_sdk(folder: Path) -> Path:
    """Return the SDK's wheel, built from a copy of what it is made of."""
    source = folder / "source"
    shutil.copytree(ROOT / "sdk", source / "sdk")
    shutil.copytree(ROOT / "include", source / "include", ignore=shutil.ignore_patterns("__pycache__"))
    options = ("--wheel", "--offline", "--no-build-isolation", "--python", sys.executable)
    call(UV, "build", "--quiet", *options, "--out-dir", folder / "dist", source / "sdk")
    (wheel,) = (folder / "dist").glob("springtide_sdk-*.whl")
    return wheel


@pytest.fixture(scope="module")
def sdk(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("sdk")
    return install(folder, build_sdk(folder))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where springtide's application answers, on an embedded cluster that runs examples/workloads."""
    folder = tmp_path_factory.mktemp("installation")
    shutil.copytree(ROOT / "examples" / "sandbox", folder / "policies")
    shutil.copytree(ROOT / "examples" / "traces", folder / "traces")
    cluster = start_sandbox(folder, "-f", str(ROOT / "examples" / "workloads" / "checkout.yaml"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    path = os.pathsep.join(str(ROOT / part) for part in ("include", "plugins", "tests"))
    env = environment() | {"KUBECONFIG": str(cluster.kubeconfig), "PYTHONPATH": path}
    with (folder / "server.log").open("wb") as log:
        command = [sys.executable, str(SERVER), str(folder), str(port)]
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_for(url, server, folder / "server.log")
        yield url
    finally:
        server.terminate()
        server.wait(15)
        cluster.stop()


def wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        assert server.poll() is None, log.read_text()
        try:
            httpx.get(f"{url}/springtide/api/v1/health", timeout=5)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"no answer: {log.read_text()}")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)


def ran(sdk: Installation, program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(sdk.python), "-W", "error", "-c", program],
        cwd=sdk.folder,
        env=environment() | variables,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_it_brings_httpx_and_nothing_heavy(sdk: Installation) -> None:
    installed = sdk.distributions()

    assert {"springtide-sdk", "httpx"} <= installed
    assert installed & HEAVY == set()


def test_the_example_of_its_page_runs_as_it_stands(sdk: Installation, address: str) -> None:
    """The output is the page's, but for what differs each time: the run's id, the port, and the seconds."""
    example = blocks("python")[0]
    shown = blocks("text")[0]

    done = ran(sdk, example, SPRINGTIDE_URL=address, SPRINGTIDE_TOKEN="ann")

    assert (done.returncode, done.stderr) == (0, "")
    (sdk.folder / "output.txt").write_text(done.stdout)
    ends = (lines_of(done.stdout), lines_of(shown))
    assert ends[0][0] == ends[1][0] == "plan: 3 -> 6"
    assert [line for line in ends[0] if not line.startswith("  ")][2:] == [
        line for line in ends[1] if not line.startswith("  ")
    ][2:]
    assert ends[0][1].startswith(f"run: {address}/dags/scale_service/runs/checkout__")


def lines_of(text: str) -> list[str]:
    return text.splitlines()


def test_every_other_block_of_the_page_is_right(sdk: Installation) -> None:
    for program in blocks("python")[1:]:
        compile(program, str(PAGE), "exec")
    imports = "\n".join(line for each in blocks("python") for line in each.splitlines() if line.startswith("from "))

    assert ran(sdk, imports).returncode == 0


def test_scaling_directly_names_the_extra(sdk: Installation) -> None:
    done = ran(sdk, "from springtide.sdk import scale\nscale('checkout', 3)")

    assert "Misconfigured" in done.stderr
    assert "pip install 'springtide-sdk[kubernetes]'" in done.stderr


def test_beside_the_main_wheel_each_file_has_one_owner(tmp_path: Path) -> None:
    """Both wheels unpacked into one folder, as an installation has them: no file twice, and both can be imported."""
    wheels = []
    for build, name in ((build_sdk, "sdk"), (build_wheel, "main")):
        (tmp_path / name).mkdir()
        wheels.append(build(tmp_path / name))
    site = tmp_path / "site"
    names = []
    for wheel in wheels:
        shutil.unpack_archive(wheel, site, "zip")
        listed = subprocess.run(
            [sys.executable, "-m", "zipfile", "-l", str(wheel)], capture_output=True, text=True, check=True
        )
        names.append({line.split()[0] for line in listed.stdout.splitlines()[1:]})
    program = (
        f"import sys; sys.path.insert(0, {str(site)!r}); import springtide, springtide.sdk; "
        "print(springtide.__file__, springtide.sdk.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)

    assert names[0] & names[1] == set()
    assert done.stdout.split() == [f"{site}/springtide/__init__.py", f"{site}/springtide/sdk/__init__.py"]
