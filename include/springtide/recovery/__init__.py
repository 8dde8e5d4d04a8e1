"""Ends the runs whose owner is gone: finished or undone, each from its Lease alone."""
