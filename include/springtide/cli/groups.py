"""Options that belong together, as one value: a parameter of a command that is a dataclass of options."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from inspect import Parameter
from typing import Any, Final, get_args, get_type_hints

IS_OPTION: Final = "is_option"
"""The metadata of a field that no command offers: False."""


class Offers:
    """The fields that a command offers, in `Annotated[Group, Offers("a", "b")]`; the others keep their defaults."""

    def __init__(self, *fields: str) -> None:
        self.fields = fields


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """A parameter that stands for several options."""

    value: type
    options: tuple[Parameter, ...]

    @classmethod
    def of(cls, annotation: Any) -> OptionGroup | None:
        """Return the group that a parameter's annotation means; None where it is an option of its own."""
        value, *marks = get_args(annotation) if hasattr(annotation, "__metadata__") else (annotation,)
        if not (isinstance(value, type) and dataclasses.is_dataclass(value)):
            return None
        offered = next((mark.fields for mark in marks if isinstance(mark, Offers)), None)
        hints = get_type_hints(value, include_extras=True)
        options = tuple(
            Parameter(field.name, Parameter.KEYWORD_ONLY, default=_default(field), annotation=hints[field.name])
            for field in dataclasses.fields(value)
            if field.metadata.get(IS_OPTION, True) and (offered is None or field.name in offered)
        )
        return cls(value, options)

    def taken_from(self, given: dict[str, Any]) -> Any:
        """Return the group's value; its options leave `given`."""
        return self.value(**{option.name: given.pop(option.name) for option in self.options})


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` as typer reads it: with an option for each field of its parameters that are dataclasses.

    A field is written as a parameter is: `Annotated[TYPE, typer.Option(...)]`, with a default or without one.
    """
    signature = inspect.signature(command, eval_str=True)
    by_parameter = {name: OptionGroup.of(parameter.annotation) for name, parameter in signature.parameters.items()}
    groups = {name: group for name, group in by_parameter.items() if group is not None}

    @functools.wraps(command)
    def called(**given: Any) -> None:
        for name, group in groups.items():
            given[name] = group.taken_from(given)
        command(**given)

    parameters = [
        option
        for name, parameter in signature.parameters.items()
        for option in (groups[name].options if name in groups else (parameter,))
    ]
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called


def _default(field: dataclasses.Field[Any]) -> Any:
    return Parameter.empty if field.default is dataclasses.MISSING else field.default
