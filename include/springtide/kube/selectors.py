"""Label selectors as Kubernetes matches them: `matchLabels` and `matchExpressions`, all of which must hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from springtide.errors import InputError
from springtide.kube.objects import Json

_EQUAL: Final = "="


def matches(selector: Json | None, labels: Mapping[str, str]) -> bool:
    """Say whether `selector` meets an object with `labels`. An empty selector meets every object, none meets nothing.

    Raises:
        InputError: an expression has an operator that Kubernetes does not know (`selector_invalid`).
    """
    if selector is None:
        return False
    by_label = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return by_label and all(_is_met(expression, labels) for expression in selector.get("matchExpressions") or ())


def _is_met(expression: Json, labels: Mapping[str, str]) -> bool:
    key = expression["key"]
    values = expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":  # also meets an object without the label
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case operator:
            raise InputError(
                f"selector: operator {operator!r} is not known; In, NotIn, Exists and DoesNotExist are.",
                code="selector_invalid",
                field=key,
            )


def equality_pairs(selector: str) -> list[tuple[str, str]] | None:
    """Return the labels that `selector`, a query, wants: [] for all objects; None where it says more than equality."""
    parts = [part.strip() for part in selector.split(",")] if selector else []
    pairs = [tuple(part.split(_EQUAL, 1)) for part in parts]
    is_plain = all(len(pair) == 2 and not pair[0].endswith("!") and not pair[1].startswith(_EQUAL) for pair in pairs)  # noqa: PLR2004  a pair
    return [(pair[0], pair[1]) for pair in pairs] if is_plain else None
