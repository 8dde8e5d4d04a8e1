"""Proof before the next phase: readiness, endpoints, the route, smoke checks."""
