"""The command line.

Plan and scale: `plan`, `run`, `status`, `explain`. Undo and give back: `roll-back`, `reconcile`, `release`. Learn from
demand: `tune`, `backtest`, `autoscaler`. Known events: `events list | add | cancel | rehearse`. And `sandbox`, the
embedded cluster, and `version`.
"""

from springtide.cli.main import main

__all__ = ["main"]
