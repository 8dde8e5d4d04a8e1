"""What all parts of a policy have in common: strict types, no unknown key, frozen, and fields that must agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two fields, each fine by itself, that cannot both hold. `field` is the path inside the part that says so."""

    field: tuple[str | int, ...]
    message: str
    code: str = "policy_inconsistent"


class Part(BaseModel):
    """A section of a policy. A docstring under a field is its documentation here, in the JSON Schema and in editors."""

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        serialize_by_alias=True,
        validate_default=True,
        hide_input_in_errors=True,
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield every contradiction between fields that are valid by themselves."""
        yield from ()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        contradictions = tuple(self.contradictions())
        if contradictions:
            message = "; ".join(contradiction.message for contradiction in contradictions)
            # pydantic takes one error from a validator: the parser unfolds the others from its context
            raise PydanticCustomError("policy_inconsistent", "{message}", {"message": message, "found": contradictions})
        return self
