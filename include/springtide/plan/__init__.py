"""From an estimate to a plan, and what the preflight finds around it: pure functions of values and `now`."""
