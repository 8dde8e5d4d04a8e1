"""Sweeps, preparations of events and rehearsals over many services: conducted turn by turn, whoever calls."""
