"""Links to Airflow's pages, by the address that people reach Airflow at (`[api] base_url`)."""

from __future__ import annotations

from urllib.parse import quote, urlsplit


def run_page(base: str | None, dag_id: str, run_id: str) -> str | None:
    """Return the page of a DAG run; None where nobody said at which address people reach Airflow."""
    address = (base or "").rstrip("/")
    if urlsplit(address).scheme not in {"http", "https"}:
        return None
    return f"{address}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def answer_page(base: str | None, dag_id: str, run_id: str, task_id: str) -> str | None:
    """Return the page on which a person answers what a task asks; None as for `run_page`."""
    page = run_page(base, dag_id, run_id)
    return None if page is None else f"{page}/tasks/{quote(task_id, safe='')}/required_actions"
