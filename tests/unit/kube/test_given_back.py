"""A client is given back as soon as nobody holds it, its connections with it: none waits for Python's collector."""

from __future__ import annotations

import gc
import weakref
from typing import TYPE_CHECKING

import pytest

from springtide.errors import SpringtideError
from springtide.kube.live import LiveKube
from springtide.kube.objects import Kind
from springtide.sandbox.faults import Fault, FaultKind
from support.simulation import NAMESPACE, Simulation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def reads(kube: LiveKube) -> object:
    return kube.list(Kind.POD, NAMESPACE)


def writes(kube: LiveKube) -> object:
    return kube.create(Kind.LEASE, NAMESPACE, {"metadata": {"name": "mine"}})


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Keep the collector from doing what is not its work here."""
    gc.disable()
    yield
    gc.enable()


every_fault = pytest.mark.parametrize(
    "fault",
    [
        Fault(FaultKind.TIMEOUT),
        Fault(FaultKind.REFUSED),
        Fault(FaultKind.STATUS, status=500),
        Fault(FaultKind.STATUS, status=403),
    ],
    ids=["silent", "nobody listens", "broken", "forbidden"],
)


@every_fault
@pytest.mark.usefixtures("uncollected")
@pytest.mark.parametrize("call", [reads, writes], ids=["a read", "a write"])
def test_a_client_whose_call_failed_is_given_back_at_once(call: Callable[[LiveKube], object], fault: Fault) -> None:
    simulation = Simulation.of(2)
    kube = simulation.ports().kube
    assert isinstance(kube, LiveKube)
    given = weakref.ref(kube)
    simulation.world.faults = lambda _call: fault

    with pytest.raises(SpringtideError) as caught:
        call(kube)
    del caught, kube

    assert given() is None
