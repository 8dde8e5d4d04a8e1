"""great-expectations' pages, from templates that are compiled once a process: it compiles them anew for every page.

great-expectations is given the names of its views (`expectations`), and imports it where the first page is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from springtide.extras import requires_extra

with requires_extra("quality"):
    from great_expectations.render.view.view import DefaultJinjaIndexPageView, DefaultJinjaPageView
    from jinja2 import BytecodeCache

if TYPE_CHECKING:
    from types import CodeType

    from jinja2.bccache import Bucket


class _Compiled(BytecodeCache):
    """Keeps what templates were compiled to, by their names and what stands in them."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the bucket what is kept of its template."""
        bucket.code = self._kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what its template was compiled to."""
        if bucket.code is not None:
            self._kept[bucket.key, bucket.checksum] = bucket.code


_COMPILED: Final = _Compiled()


class DayPage(DefaultJinjaPageView):
    """The page of a day, or of the rules."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.env.bytecode_cache = _COMPILED


class IndexOfDays(DefaultJinjaIndexPageView):
    """The page that leads to the others."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.env.bytecode_cache = _COMPILED
