"""The ways to prepare a sale, on a real Airflow and the embedded cluster: `python -m examples.sale`."""
