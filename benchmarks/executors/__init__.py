"""A wave of fifty services through a real Airflow, with one executor beside another."""
