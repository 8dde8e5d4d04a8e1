"""The first thing that a real API server does with an object: it reads it by the types of its fields.

A field that a type does not have is dropped, a null is a field that is not there, and a value of another type is
refused with 400 before anything else looks at it.
"""

from __future__ import annotations

from typing import Any, Final

from springtide.errors import InputError
from springtide.sandbox.fieldtypes import OTHERS, TYPES, Type
from springtide.sandbox.objects import Json
from springtide.sandbox.resources import parse
from springtide.sandbox.status import bad_request

_JSON: Final = {bool: "bool", int: "number", float: "number", str: "string", list: "array", dict: "object"}
_SCALARS: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "int32": (int,),
    "int64": (int,),
    "bool": (bool,),
    "resource.Quantity": (str, int, float),
    "intstr.IntOrString": (str, int),
}
_BITS: Final = {"int32": 32, "int64": 64}
_QUANTITY: Final = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
_ZEROS: Final[dict[str, Any]] = {"string": "", "int32": 0, "bool": False}


def decoded(plural: str, obj: Json) -> Json:
    """Return the object as its kind's types read it; of a kind without types, as it is.

    Raises:
        ApiError: 400, a value has another type than its field.
    """
    kind = TYPES.get(plural)
    return obj if kind is None else _object(obj, kind, "")


def _object(given: Json, fields: dict[str, Type], path: str) -> Json:
    others = fields.get(OTHERS)
    found: Json = {}
    for name, value in given.items():
        known = fields.get(name, others)
        if known is not None and value is not None:
            found[name] = _value(value, known, f"{path}.{name}" if path else name)
    return found


def _value(value: Any, kind: Type, path: str) -> Any:
    if isinstance(kind, dict):
        _require(isinstance(value, dict), value, path, "object")
        return _object(value, kind, path)
    if isinstance(kind, list):
        _require(isinstance(value, list), value, path, "array")
        return [_item(item, kind[0], path) for item in value]
    if kind in _SCALARS:
        # to Python a bool is an int
        _require(isinstance(value, _SCALARS[kind]) and isinstance(value, bool) is (kind == "bool"), value, path, kind)
        _require_range(value, kind, path)
    return value


def _require_range(value: Any, kind: str, path: str) -> None:
    bits = _BITS.get(kind)
    if bits is not None and not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
        raise bad_request(f"json: cannot unmarshal number {value} into Go struct field {path} of type {kind}")
    if kind == "resource.Quantity":
        try:
            parse(value)
        except InputError as error:
            raise bad_request(f"quantities must match the regular expression '{_QUANTITY}'") from error


def _item(item: Any, kind: Type, path: str) -> Any:
    if item is not None:
        return _value(item, kind, path)
    return _ZEROS.get(kind) if isinstance(kind, str) else kind.__class__()


def _require(holds: bool, value: Any, path: str, kind: str) -> None:  # noqa: FBT001  what has to hold
    if not holds:
        raise bad_request(
            f"json: cannot unmarshal {_JSON.get(type(value), 'value')} into Go struct field {path} of type {kind}"
        )
