"""Whether springtide acts for a service, or only says what it would do; and what counts where a policy does not say."""

from typing import Final, Literal, get_args

from springtide.errors import InputError
from springtide.settings import variable_name

PolicyMode = Literal["act", "advise"]

ADVISE: Final[PolicyMode] = "advise"


def installation_mode(text: str) -> PolicyMode:
    """Return the mode of policies that name none, by what the environment says.

    Raises:
        InputError: it is no mode (`mode_invalid`): a typing error must not let springtide act.
    """
    for mode in get_args(PolicyMode):
        if text == mode:
            found: PolicyMode = mode
            return found
    name = variable_name("mode")
    raise InputError(f"{name}: {text[:60]!r} is neither act nor advise.", code="mode_invalid", field=name)
