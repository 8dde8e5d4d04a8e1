"""Estimate to plan: pure functions of values and `now`."""
