"""What pydantic found wrong, in an operator's words: a stable code, the place, what is allowed, what was meant."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from springtide.policy.language.keys import nearest, resolve
from springtide.policy.language.parts import Part
from springtide.policy.language.units import shown
from springtide.policy.scaling.capacity import CapacitySpec
from springtide.policy.scaling.demand import DemandSpec
from springtide.policy.scaling.model import Replicas, ScalingPolicy, between_sections

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pydantic.fields import FieldInfo
    from pydantic_core import ErrorDetails

    from springtide.policy.language.parts import Contradiction
    from springtide.policy.reading.document import Document
    from springtide.policy.reading.plain_yaml import Place

_EXPECTED = {
    "int_type": "a whole number in plain decimal digits",
    "float_type": "a number in plain decimal digits",
    "finite_number": "a finite number",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "string_pattern_mismatch": "text like {pattern}",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
}


Root = TypeVar("Root", bound=Part)


def validate(document: Document, root: type[Root]) -> Root | None:
    """Return the `root` that `document` holds; None when it is refused, with every reason noted in `document`.

    Unknown keys are noted and put aside first: what contradicts itself beside one is still found.
    """
    data = deepcopy(document.data)
    try:
        return root.model_validate(data)
    except ValidationError as error:
        # pydantic stops at an unknown key before it compares the fields beside it
        unknown = [detail for detail in error.errors() if detail["type"] == "extra_forbidden"]
    for detail in unknown:
        _explain(detail, document, root)
        _remove(data, resolve(root, detail["loc"])[0])
    try:
        root.model_validate(data)
    except ValidationError as error:
        for detail in error.errors():
            _explain(detail, document, root)
        # Nor does it compare sections where any one of them is refused; those that are whole are compared here.
        if root is ScalingPolicy and not any(detail["loc"] == ("spec",) for detail in error.errors()):
            _note(_between_valid_sections(data), ("spec",), document)
    return None


def _remove(data: Any, place: Place) -> None:
    for part in place[:-1]:
        data = data[part]
    del data[place[-1]]


def _explain(detail: ErrorDetails, document: Document, root: type[Part]) -> None:
    place, known = resolve(root, detail["loc"])
    context = detail.get("ctx", {})
    if detail["type"] == "too_short" and detail["input"]:
        return  # pydantic counts only the entries that are valid, and the others are told already
    if "found" in context:
        _note(context["found"], place, document)
    elif detail["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        _refuse_choice(context, place, document)
    elif not document.is_opaque(place):
        document.refuse(*_words(detail, place, known), place)


def _note(contradictions: Iterable[Contradiction], place: Place, document: Document) -> None:
    if any(refused[: len(place)] == place for refused in document.opaque):
        return  # one side of it is not there to be judged
    for contradiction in contradictions:
        document.refuse(contradiction.code, contradiction.message, (*place, *contradiction.field))


def _refuse_choice(context: Mapping[str, Any], place: Place, document: Document) -> None:
    place = (*place, context["discriminator"].strip("'"))
    if document.is_opaque(place):
        return
    if "tag" in context:
        message = f"expected one of {context['expected_tags']}, got {shown(context['tag'])}"
        document.refuse("policy_type", message, place)
    else:
        document.refuse("policy_missing_key", "it is required: it says which other keys are allowed", place)


def _words(detail: ErrorDetails, place: Place, known: Mapping[str, FieldInfo]) -> tuple[str, str]:
    kind = detail["type"]
    context = detail.get("ctx", {})
    given = shown(detail["input"])
    last = place[-1] if place else ""
    if kind == "missing":
        about = (known[str(last)].description or "").replace("\n", " ").partition(". ")[0].rstrip(".")
        return "policy_missing_key", f"it is required. {about}."
    if kind == "extra_forbidden":
        near = nearest(str(last), known)
        hint = f"did you mean {near}?" if near else f"known here: {', '.join(known)}"
        return "policy_unknown_key", f"unknown key; {hint}"
    if kind in _BOUNDS:
        bound = _BOUNDS[kind].format(**context)
        return "policy_range", f"{given} is out of range: {bound}" if kind[
            :3
        ] != "too" else f"expected a list of {bound}"
    if kind == "literal_error":
        return "policy_type", f"expected {context['expected']}, got {given}"
    if kind in _EXPECTED:
        return "policy_type", f"expected {_EXPECTED[kind]}, got {given}"
    return kind, detail["msg"]


def _between_valid_sections(data: Any) -> Iterator[Contradiction]:
    """Yield contradictions between sections of `spec` that pydantic did not compare, because another one is refused."""
    spec = data.get("spec") if isinstance(data, dict) else None
    if not isinstance(spec, dict):
        return
    try:
        replicas = Replicas.model_validate(spec.get("replicas"))
        demand = TypeAdapter(DemandSpec | None).validate_python(spec.get("demand"))
        capacity = CapacitySpec.model_validate(spec.get("capacity"))
    except ValidationError:
        return
    yield from between_sections(replicas, demand, capacity)
