"""Packed bodies are unpacked in pieces, so that a small one cannot fill the memory."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from random import Random

import pytest

from springtide.unpacking import PIECE, PackingError, gathered, unpacked

TEXT = b"all work and no play " * 10_000
BOMB = gzip.compress(bytes(50_000_000))


def in_pieces(body: bytes, size: int) -> Iterator[bytes]:
    yield from (body[start : start + size] for start in range(0, len(body), size))


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP ", "deflate", "", "identity", "identity, gzip"])
@pytest.mark.parametrize("size", [1, 7, 1000, 10**9])
def test_what_was_packed_comes_back(encoding: str, size: int) -> None:
    name = encoding.strip().lower()
    packed = TEXT if name in {"", "identity"} else zlib.compress(TEXT) if name == "deflate" else gzip.compress(TEXT)

    assert b"".join(unpacked(in_pieces(packed, size), encoding)) == TEXT


def test_several_members_are_one_body() -> None:
    packed = gzip.compress(b"one ") + gzip.compress(b"two") + bytes(8)

    assert b"".join(unpacked((packed,), "gzip")) == b"one two"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", ""])
def test_an_empty_body_is_packed_in_every_way(encoding: str) -> None:
    assert list(unpacked((), encoding)) == []


def test_no_piece_is_larger_than_one_that_is_allowed() -> None:
    assert max(map(len, unpacked((BOMB,), "gzip"))) <= PIECE


def test_too_much_is_refused_with_both_numbers_before_it_is_there() -> None:
    taken: list[int] = []

    def counted() -> Iterator[bytes]:
        for piece in unpacked((BOMB,), "gzip"):
            taken.append(len(piece))
            yield piece

    with pytest.raises(PackingError, match=r"it has 1048576 bytes or more once unpacked, at most 1000000 are read"):
        gathered(counted(), 1_000_000)

    assert sum(taken) <= 1_000_000 + PIECE


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "deflate, gzip", "[/x]"])
def test_another_encoding_is_named(encoding: str) -> None:
    with pytest.raises(PackingError, match="is not one of gzip, deflate"):
        list(unpacked((b"x",), encoding))


def test_a_damaged_body_is_refused_and_never_taken_for_a_shorter_one() -> None:
    rng = Random(7)
    packed = gzip.compress(TEXT)
    for _ in range(300):
        damaged = bytearray(packed)
        damaged[rng.randrange(10, len(damaged))] ^= 1 << rng.randrange(8)
        cut = packed[: rng.randrange(1, len(packed))]
        for body in (bytes(damaged), cut):
            try:
                came = b"".join(unpacked((body,), "gzip"))
            except PackingError:
                continue
            assert came == TEXT
