"""A run: the phases as plain functions, and the Lease that is the run's home in the cluster."""
