"""REST and pages, as one FastAPI application that knows no Airflow."""
