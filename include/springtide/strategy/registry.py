"""Which strategy a policy means."""

from __future__ import annotations

from springtide.policy.scaling.strategy import BlueGreen, Floor, InPlace, RunSettings
from springtide.strategy.batched import BatchedStrategy
from springtide.strategy.blue_green import BlueGreenStrategy
from springtide.strategy.floor import FloorStrategy
from springtide.strategy.in_place import InPlaceStrategy
from springtide.strategy.model import Strategy


def strategy_for(settings: RunSettings) -> Strategy:
    """Return the strategy that `settings` belong to."""
    match settings:
        case BlueGreen(overlap="batched"):
            return BatchedStrategy()
        case BlueGreen():
            return BlueGreenStrategy()
        case InPlace():
            return InPlaceStrategy()
        case Floor():
            return FloorStrategy()
