"""An event rehearsed on a real Airflow, and a service that would not hold."""
