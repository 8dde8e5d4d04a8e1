"""Files with secrets are nobody else's, not even while they are written."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from springtide.private_file import write_private


@pytest.fixture(autouse=True)
def _open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_it_is_private_whatever_the_umask(tmp_path: Path) -> None:
    write_private(tmp_path / "token", "secret")

    assert (mode(tmp_path / "token"), (tmp_path / "token").read_text()) == (0o600, "secret")


def test_it_is_private_from_its_first_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    fdopen = os.fdopen

    def watched(handle: int, *how: object, **more: object) -> object:
        seen.extend(mode(path) for path in tmp_path.iterdir())
        return fdopen(handle, *how, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "fdopen", watched)
    write_private(tmp_path / "token", "secret")

    assert seen == [0o600]


def test_one_that_was_open_to_all_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("old")
    (tmp_path / "token").chmod(0o666)

    write_private(tmp_path / "token", "secret")

    assert mode(tmp_path / "token") == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["token"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("theirs")
    (tmp_path / "token").symlink_to(tmp_path / "elsewhere")

    write_private(tmp_path / "token", "secret")

    assert (tmp_path / "elsewhere").read_text() == "theirs"
    assert not (tmp_path / "token").is_symlink()


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        write_private(tmp_path / "token", "\ud800")

    assert list(tmp_path.iterdir()) == []
