"""Bodies that come packed: unpacked in pieces, so that whoever reads counts what they hold, not what was sent.

A thousand bytes of gzip hold a million. A client that unpacks by itself has the million in memory before anybody can
count it, so ours take what was sent and unpack here.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Final

PIECE: Final = 64 * 1024
"""Bytes that are unpacked at once."""

ACCEPTED: Final = "gzip, deflate"
"""What a request may ask for (`Accept-Encoding`): what is unpacked here, and nothing else."""

_PADDING: Final = b"\0"
_EITHER: Final = 32 + zlib.MAX_WBITS
"""gzip or zlib, told apart by the first bytes; `deflate` means the latter."""


class PackingError(ValueError):
    """What came is not packed as it says."""


def unpacked(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Yield what `chunks` hold, at most `PIECE` bytes each where they are packed; `encoding` is the header's.

    Raises:
        PackingError: the encoding is none of `ACCEPTED`, several are applied, or the stream is damaged.
    """
    names = [name for each in encoding.split(",") if (name := each.strip().lower()) not in {"", "identity"}]
    if not names:
        yield from chunks
    elif len(names) == 1 and names[0] in {"gzip", "x-gzip", "deflate"}:
        yield from _inflated(chunks)
    else:
        raise PackingError(f"its encoding {encoding[:60]!r} is not one of {ACCEPTED}")


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(_EITHER)
    has_begun = False
    try:
        for chunk in chunks:
            left = chunk
            while left:
                has_begun = True
                if unpacker.eof:  # gzip may be several members, one after the other
                    unpacker = zlib.decompressobj(_EITHER)
                yield unpacker.decompress(left, PIECE)
                left = unpacker.unused_data.lstrip(_PADDING) if unpacker.eof else unpacker.unconsumed_tail
        while not unpacker.eof and (piece := unpacker.decompress(b"", PIECE)):  # what it has still in hand
            yield piece
    except zlib.error as error:
        raise PackingError(f"its packed body is damaged ({error})") from error
    if has_begun and not unpacker.eof:
        raise PackingError("its packed body is cut off")


def gathered(pieces: Iterable[bytes], limit: int) -> bytes:
    """Return all `pieces` together.

    Raises:
        PackingError: they hold more than `limit` bytes; the message has both numbers.
    """
    body = bytearray()
    for piece in pieces:
        body += piece
        if len(body) > limit:
            raise PackingError(f"it has {len(body)} bytes or more once unpacked, at most {limit} are read")
    return bytes(body)
