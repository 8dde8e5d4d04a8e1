"""The demonstration: a service under live load, a real Airflow, one scaling run from measured demand to clean-up."""
