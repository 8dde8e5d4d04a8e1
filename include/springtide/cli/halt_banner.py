"""The line about a halt for commands that need no cluster: what is known of it, and what is not."""

from __future__ import annotations

from dataclasses import replace

from springtide.cli.display import tell
from springtide.cli.options import CliContext, Output, halt_by_environment
from springtide.errors import SpringtideError
from springtide.recovery.rounds import namespaces_of
from springtide.run.halt import halt_in


def say_halts(place: CliContext, output: Output) -> None:
    """Tell people on stderr who has halted writes, by the environment or in a policy's namespace; or that nobody knows.

    Programs get an answer of one form, without it. Nothing is asked where no policy names a namespace.
    """
    if output is not Output.TABLE:
        return
    halt = halt_by_environment()
    if halt is not None:
        tell(halt.banner)
        return
    try:
        for banner in _banners(place):
            tell(banner)
    except SpringtideError as error:
        tell(f"whether writes are halted is not known: {error.message}")


def _banners(place: CliContext) -> list[str]:
    if not place.policies.is_dir():
        return []
    namespaces, _ = namespaces_of(place.folder)
    if not namespaces:
        return []
    with replace(place, store=None).ports(lambda _message: None) as ports:
        halts = [halt_in(ports.kube, namespace) for namespace in namespaces]
    return [halt.banner for halt in halts if halt is not None]
