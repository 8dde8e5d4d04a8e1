"""Packages that only some parts of springtide need: a plain installation leaves them out, an extra brings them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Literal

from springtide.errors import PermanentError

Extra = Literal["forecast", "parquet", "plots", "postgresql", "quality", "sandbox", "web"]
"""The extras of `pyproject.toml`; `pip install 'springtide[NAME]'` brings their packages."""


@contextmanager
def requires_extra(extra: Extra) -> Iterator[None]:
    """Import packages of `extra` inside the block: where one is missing, the error names the extra.

    Raises:
        PermanentError: a package is not installed (`extra_missing`).
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise _missing(extra, str(error.name)) from error


def require_packages(extra: Extra, *packages: str) -> None:
    """Check that `packages` of `extra` can be imported, without importing them.

    Raises:
        PermanentError: one is not installed (`extra_missing`).
    """
    for package in packages:
        if find_spec(package) is None:
            raise _missing(extra, package)


def _missing(extra: Extra, package: str) -> PermanentError:
    return PermanentError(
        f"the extra {extra!r} is not installed (no module {package!r}): pip install 'springtide[{extra}]'.",
        code="extra_missing",
        field=extra,
    )
