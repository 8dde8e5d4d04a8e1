"""The switch that stops all writes, by its two ways that are Airflow's: the environment, and a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from springtide_airflow.settings import airflow_settings

if TYPE_CHECKING:
    from springtide.run.halt import Halt, HaltSwitch

VARIABLE: Final = "springtide_halt"


def halt_switch() -> HaltSwitch:
    """Return the switch of this Airflow."""
    from springtide.run.halt import HaltSwitch

    return HaltSwitch(_halt)


def _halt() -> Halt | None:
    """Return who has halted this Airflow, the environment first.

    Raises:
        TemporaryError: Airflow does not say what the variable holds (`halt_unreadable`).
    """
    from airflow.sdk import Variable
    from airflow.sdk.exceptions import AirflowRuntimeError

    from springtide.errors import TemporaryError
    from springtide.run.halt import Halt
    from springtide.settings import variable_name

    halt = Halt.of_words(airflow_settings().halt, variable_name("halt"))
    if halt is not None:
        return halt
    try:
        text = Variable.get(VARIABLE, default=None)
    except AirflowRuntimeError as error:
        raise TemporaryError(
            f"the Airflow variable {VARIABLE} cannot be read ({type(error).__name__}), so nobody knows whether writes "
            "are halted.",
            code="halt_unreadable",
            field=VARIABLE,
        ) from error
    return Halt.of_words(None if text is None else str(text), f"the Airflow variable {VARIABLE}")
