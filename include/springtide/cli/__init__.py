"""The command line.

Plan and scale: `plan`, `run`, `status`, `explain`. Undo and restore: `abort`, `roll-back`, `reconcile`, `release`,
`release-lease`. Stop all writes: `halt`, `resume`. Many services at once: `adjust` (a sweep), `prepare` (what is due).
Learn from demand: `tune`, `backtest`, `autoscaler`. Known events: `events list | sources | add | cancel | rehearse`.
Policy repositories: `validate`. From what a team has: `import` (autoscalers, cron scalers, annotations), `init` (a
first policy for each workload). The first week: `report`. The store: `prune`. And `sandbox`, the embedded cluster, and
`version`.
"""

from springtide.cli.main import main

__all__ = ["main"]
