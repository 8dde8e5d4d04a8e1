"""springtide in the shape of Airflow: connections, operators, a sensor, a trigger. Decides nothing itself.

Nothing here imports more than `springtide.errors` at module level: DAG files are parsed every few seconds, and every
process of Airflow imports them. What a task needs it imports when it runs.
"""
