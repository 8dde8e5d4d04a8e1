"""A thousand services: what sweeps, waves, plans and learning cost as a fleet grows."""
