"""Replays capacity decisions against history: the simulator, the autoscaler in it, and daily tuning on top."""
