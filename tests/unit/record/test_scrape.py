"""Who may read the metrics: whoever has their own token, and nobody where there is none."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from springtide.errors import TemporaryError
from springtide.record.exposition import exposition
from springtide.record.memory import MemoryStore
from springtide.record.scrape import SHORTEST_TOKEN, ScrapeAnswer, scrape
from springtide.record.store import RunStore
from unit.record.run_builders import an_ended_run

TOKEN = "a-token-of-the-tests"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    return file


def opened() -> MemoryStore:
    store = MemoryStore()
    store.save(an_ended_run())
    return store


def never_opened() -> AbstractContextManager[RunStore]:
    raise AssertionError("whoever may not read does not reach the store")


def refused(authorization: str | None, token_file: Path | None) -> ScrapeAnswer:
    answer = scrape(authorization, token_file=token_file, open_store=never_opened)
    assert TOKEN not in answer.body.decode()
    return answer


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_the_token_opens_the_page(token_file: Path, scheme: str) -> None:
    answer = scrape(f"{scheme} {TOKEN}", token_file=token_file, open_store=opened)

    assert (answer.status, answer.body) == (200, exposition(opened().totals()))
    assert answer.content_type.startswith("text/plain; version=0.0.4")


@pytest.mark.parametrize(
    "sent",
    [None, "", TOKEN, f"Basic {TOKEN}", "Bearer", "Bearer ", f"Bearer {TOKEN}x", "Bearer tökén", "Bearer \udcff"],
)
def test_nothing_else_does(token_file: Path, sent: str | None) -> None:
    answer = refused(sent, token_file)

    assert (answer.status, answer.challenge) == (401, "Bearer")
    assert b"SPRINGTIDE_METRICS_TOKEN_FILE" in answer.body


def test_without_a_token_configured_the_page_is_closed_and_says_what_to_set() -> None:
    answer = refused("Bearer ", None)

    assert answer.status == 403
    assert b"Set SPRINGTIDE_METRICS_TOKEN_FILE" in answer.body


@pytest.mark.parametrize("content", [b"", b"\n", b"x" * (SHORTEST_TOKEN - 1), b"\xff" * 40])
def test_a_token_that_is_none_opens_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token").write_bytes(content)

    assert refused(f"Bearer {content.decode(errors='replace')}", tmp_path / "token").status == 403


def test_a_file_that_is_not_there_closes_the_page(tmp_path: Path) -> None:
    answer = refused(f"Bearer {TOKEN}", tmp_path / "none")

    assert answer.status == 403
    assert str(tmp_path) not in answer.body.decode()


def test_a_renewed_token_counts_at_once(token_file: Path) -> None:
    token_file.write_text("another-token-of-the-tests")

    assert refused(f"Bearer {TOKEN}", token_file).status == 401
    assert scrape("Bearer another-token-of-the-tests", token_file=token_file, open_store=opened).status == 200


@pytest.mark.parametrize(
    "error",
    [TemporaryError("the store postgresql://db does not answer", code="store_unavailable"), ValueError("secret")],
)
def test_a_store_that_fails_is_told_in_a_sentence(token_file: Path, error: Exception) -> None:
    def failing() -> AbstractContextManager[RunStore]:
        raise error

    answer = scrape(f"Bearer {TOKEN}", token_file=token_file, open_store=failing)

    assert answer.status == 503
    assert answer.body.decode().startswith("the metrics could not be read from the store of runs")
    assert str(error) not in answer.body.decode()
