"""Ending the runs whose owner is gone."""
