"""springtide in the shape of Airflow: connections, operators, a sensor, a trigger. Decides nothing itself.

At module level nothing here imports more of springtide than its errors, its settings, the names of the policies and the
forms, which import nothing heavy: DAG files are parsed every few seconds, and every process of Airflow imports them.
What a task needs it imports when it runs.

Everything here is logged through `logging`, as Airflow's own classes do, so that a line stands in the log of its task;
the library alone logs through structlog, which ends there as well. The environment, connections of the store and
AIRFLOW_HOME are read in `settings` alone, and the time in `clock`.
"""
