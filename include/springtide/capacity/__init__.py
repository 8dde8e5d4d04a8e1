"""Demand to replicas: one model per file behind one Protocol."""
