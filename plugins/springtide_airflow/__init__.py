"""springtide in the shape of Airflow: connections, operators, a sensor, a trigger. Decides nothing itself.

At module level nothing here imports more of springtide than `errors`, `settings`, `policy.folder` and
`run.request_parameters`, which import nothing heavy: DAG files are parsed every few seconds, and every process of
Airflow imports them. What a task needs it imports when it runs.

Here is logged through `logging`, as Airflow's own classes do, so that a line stands in the log of its task; the library
logs through structlog, which ends there as well. The environment, connections of the store and AIRFLOW_HOME are read in
`settings` alone, and the time in `clock`.
"""
