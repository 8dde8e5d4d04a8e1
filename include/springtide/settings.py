"""Every `SPRINGTIDE_…` environment variable: its name, its default and its meaning, and all of them as one value.

Two places read the environment: the command line (`springtide.cli.options`) and the plugin
(`springtide_airflow.settings`). Everything else takes the value. The tables of docs/configuration.md are made from
this file, by `python -m springtide.cli.configuration_page docs/configuration.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final

from springtide.prometheus_settings import PrometheusSettings
from springtide.variables import VARIABLE, Reader, Variable, variable

DATABASE_PREFIX: Final = "SPRINGTIDE_DATABASE_"
FEED_PREFIX: Final = "SPRINGTIDE_FEED_"
HOME: Final = Path(".springtide")
"""Where the command line keeps files of its own: below the working directory, so that a trial leaves nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(PrometheusSettings):
    """What the environment says. What holds a password is left out of `repr`.

    `home` is the folder of springtide's own files.
    """

    home: Path

    policies: Path = field(metadata=variable("POLICIES", "{base}/policies", "The folder of policy files.", parse=Path))
    calendars: Path = field(
        metadata=variable("CALENDARS", "{base}/calendars", "The folder of calendar files.", parse=Path)
    )
    store_url: str = field(
        repr=False,
        metadata=variable(
            "STORE_URL",
            "sqlite:///{home}/runs.db",
            "The database of runs: `sqlite:///PATH` (one machine), else `postgresql://USER:PASSWORD@HOST/NAME`. "
            "Where Airflow's tasks run on several machines, only PostgreSQL lets them share one history. "
            "In Airflow the connection `springtide_store` goes before it.",
        ),
    )
    metrics_directory: Path | None = field(
        metadata=variable(
            "METRICS_DIRECTORY",
            None,
            "The folder that `springtide.prom` is written to whenever metrics change, for node_exporter's textfile "
            "collector. Unset: nothing is written.",
            parse=Path,
        )
    )
    looks_at_once: str = field(
        metadata=variable(
            "LOOKS_AT_ONCE",
            "8",
            "Services that are looked at side by side: smoke checks and Prometheus are waited for together.",
        )
    )
    api_writes: str = field(
        metadata=variable("API_WRITES", "50", "Writes a second of one process to one API server: 5 to 1000; more wait.")
    )
    queries_together: str = field(
        metadata=variable(
            "QUERIES_TOGETHER",
            "100",
            "Services whose demand a look asks Prometheus for by one request (POST): 1 (each by itself) to 1000.",
        )
    )
    mode: str = field(
        metadata=variable(
            "MODE",
            "act",
            "What counts for policies that name no `mode`: `act`, or `advise`, which plans and records and writes "
            "nothing to the cluster.",
        )
    )
    halt: str | None = field(
        metadata=variable(
            "HALT",
            None,
            "Who stops all writes and why, in words: `ann: the load balancer of the sale is down`. "
            "Unset or empty: nobody. See the halt switch in docs/reliability.md.",
        )
    )
    reconcile_runs: str = field(
        metadata=variable(
            "RECONCILE_RUNS",
            "16",
            "How many abandoned runs `reconcile_runs` and `springtide reconcile` end side by side: 1 to 64.",
        )
    )
    stalled_after: str = field(
        metadata=variable(
            "STALLED_AFTER",
            "5m",
            "After how long both tell of a living run whose Lease stands still: 1m to 1d. "
            "Between two looks of a waiting task it stands still for up to two minutes.",
        )
    )
    abort_wait: str = field(
        metadata=variable("ABORT_WAIT", "10m", "How long who aborts a run waits for what becomes of it: 10s to 1h.")
    )
    run_moments: str = field(
        metadata=variable("RUN_MOMENTS", "500", "Moments of one run that are kept for its page: 0 to 5000.")
    )
    keep_moments: str = field(
        metadata=variable(
            "KEEP_MOMENTS",
            "90d",
            "For how long the moments of a run are kept, which draw its page: 1d to 3650d. Its phases stay as long as "
            "it does.",
        )
    )
    keep_decisions: str = field(
        metadata=variable(
            "KEEP_DECISIONS",
            "35d",
            "For how long what sweeps decided is kept, which `springtide report` reads: 8d to 35d.",
        )
    )
    watch_trusted: str = field(
        metadata=variable("WATCH_TRUSTED", "30s", "How long a run waits by its watches alone: 0s (it polls) to 2m.")
    )
    watches: str = field(metadata=variable("WATCHES", "256", "Watches of one process, a thread each: 0 to 4096."))
    grafana_url: str | None = field(
        metadata=variable(
            "GRAFANA_URL",
            None,
            "A dashboard for a run's page; `{service}`, `{namespace}`, `{from}`, `{to}` (ms) are filled in.",
        )
    )
    awake: str = field(
        metadata=variable(
            "AWAKE",
            "08:00-22:00 UTC",
            "When somebody is awake to approve a plan: from, to, and a time zone, such as `08:00-22:00 Europe/Berlin`. "
            "`springtide events check` turns red where an approval is asked for and times out outside of it.",
        )
    )
    airflow_url: str = field(
        metadata=variable(
            "AIRFLOW",
            "http://127.0.0.1:8080",
            "Airflow's address, for `springtide events`.",
            reader=Reader.COMMAND_LINE,
        )
    )
    airflow_token: str | None = field(
        repr=False,
        metadata=variable(
            "AIRFLOW_TOKEN",
            None,
            "A token of Airflow's API, in the place of a user and a password.",
            reader=Reader.COMMAND_LINE,
        ),
    )
    airflow_user: str | None = field(
        metadata=variable("AIRFLOW_USER", None, "The user that asks Airflow for a token.", reader=Reader.COMMAND_LINE)
    )
    airflow_password: str | None = field(
        repr=False, metadata=variable("AIRFLOW_PASSWORD", None, "That user's password.", reader=Reader.COMMAND_LINE)
    )
    private_feeds: str | None = field(
        metadata=variable(
            "PRIVATE_FEEDS",
            None,
            "Networks of your own that feeds may be fetched from, such as `10.0.0.0/8, fd00::/8`. "
            "Unset: none, only addresses of the Internet.",
            reader=Reader.COMMAND_LINE,
        )
    )
    known_events: Path = field(
        metadata=variable(
            "KNOWN_EVENTS",
            "{home}/known-events.json",
            "The file that remembers what the calendars said when they were last read without an error. "
            "Containers that do not share it each remember for themselves.",
            reader=Reader.AIRFLOW,
            parse=Path,
        )
    )
    pages: Path = field(
        metadata=variable(
            "PAGES",
            "{home}/pages",
            "The folder of the quality pages, which `capacity_history` writes.",
            reader=Reader.AIRFLOW,
            parse=Path,
        )
    )
    keep_pages: str = field(
        metadata=variable(
            "KEEP_PAGES",
            "30d",
            "For how long the quality page of a day is kept: 1d to 3650d.",
            reader=Reader.AIRFLOW,
        )
    )
    keep_runs: str = field(
        metadata=variable(
            "KEEP_RUNS",
            "400d",
            "For how long `capacity_history` keeps runs, preparations, rehearsals and the audit: 30d to 3650d. "
            "Days of demand stay for 800 days at least.",
            reader=Reader.AIRFLOW,
        )
    )
    sweep_cron: str = field(
        metadata=variable(
            "SWEEP_CRON",
            "*/15 * * * *",
            "When `adjust_capacity` looks at every service, as a cron expression.",
            reader=Reader.AIRFLOW,
        )
    )
    sweep_timezone: str = field(
        metadata=variable(
            "SWEEP_TIMEZONE",
            "UTC",
            "The time zone of that expression, such as `Europe/Berlin`.",
            reader=Reader.AIRFLOW,
        )
    )
    sweep_plans_after: str = field(
        metadata=variable(
            "SWEEP_PLANS_AFTER",
            "4",
            "After how many sweeps that did not come the next one counts as the first since `adjust_capacity` was "
            "turned on, and only plans: 1 to 1000, or `never`.",
            reader=Reader.AIRFLOW,
        )
    )
    installation: str | None = field(
        metadata=variable(
            "INSTALLATION",
            None,
            "The name of this Airflow in the Leases of its runs: another Airflow on the same cluster never ends them. "
            "Unset: an id that the store of runs makes once. "
            "Set it where tasks do not share one store, or where two Airflows do.",
            reader=Reader.AIRFLOW,
        )
    )
    look_chunk: str = field(
        metadata=variable(
            "LOOK_CHUNK",
            "250",
            "Services that one task of a sweep or a preparation looks at, by cluster and namespace.",
            reader=Reader.AIRFLOW,
        )
    )
    learn_chunk: str = field(
        metadata=variable(
            "LEARN_CHUNK",
            "100",
            "Services whose day one task of `capacity_history` learns, one after the other: 1 to 500.",
            reader=Reader.AIRFLOW,
        )
    )
    pool: str = field(
        metadata=variable(
            "POOL",
            "default_pool",
            "The Airflow pool of the tasks of `adjust_capacity` that ask Prometheus. It must exist.",
            reader=Reader.AIRFLOW,
        )
    )
    metrics_token_file: Path | None = field(
        metadata=variable(
            "METRICS_TOKEN_FILE",
            None,
            "A file with the bearer token, of at least 16 characters, that opens `GET /springtide/metrics` of the API "
            "server. It is read for each request, so a renewed token counts. Unset: the page is closed.",
            reader=Reader.AIRFLOW,
            parse=Path,
        )
    )
    rest_requests: str = field(
        metadata=variable("REST_REQUESTS", "1200", "Requests of one person in a minute.", reader=Reader.AIRFLOW)
    )
    rest_writes: str = field(
        metadata=variable("REST_WRITES", "60", "How many of them may ask for a change.", reader=Reader.AIRFLOW)
    )
    rest_at_once: str = field(
        metadata=variable("REST_AT_ONCE", "8", "Requests worked on at a time: 1 to 40.", reader=Reader.AIRFLOW)
    )
    rest_body: str = field(
        metadata=variable("REST_BODY", "65536", "The most bytes of a body: 1024 to 10485760.", reader=Reader.AIRFLOW)
    )
    rest_keys: str = field(
        metadata=variable("REST_KEYS", "7", "Days that an idempotency key lasts: 1 to 30.", reader=Reader.AIRFLOW)
    )
    rest_hosts: str | None = field(
        metadata=variable(
            "REST_HOSTS",
            None,
            "The names, with their ports, that a write may be sent to and come from a page of: "
            "`airflow.example, airflow.internal:8080`. Unset: any name, and a page of the same.",
            reader=Reader.AIRFLOW,
        )
    )
    page_token: str = field(
        metadata=variable(
            "PAGE_TOKEN",
            "15",
            "Minutes that a page's token lasts; while its reader is logged in, the page asks for another.",
            reader=Reader.AIRFLOW,
        )
    )
    calendars_named: bool = False
    """Whether the environment names the folder of calendars: one that is named must be there."""

    database_urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the variables `SPRINGTIDE_DATABASE_…` hold, by the rest of their names."""

    feed_urls: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What the variables `SPRINGTIDE_FEED_…` hold, by the rest of their names."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, home: Path = HOME, base: Path = Path()) -> Settings:
        """Return the settings; an unset or an empty variable leaves the default.

        `home` is where springtide keeps files of its own, `base` is the folder of `policies/` and `calendars/`.
        """
        places = {"home": home, "base": base}
        values = {name: variable.value(environ, places) for name, variable in variables().items()}
        urls = {
            prefix: {name.removeprefix(prefix): url for name, url in environ.items() if name.startswith(prefix)}
            for prefix in (DATABASE_PREFIX, FEED_PREFIX)
        }
        named = bool(environ.get(variable_name("calendars")))
        return cls(
            home=home,
            calendars_named=named,
            database_urls=urls[DATABASE_PREFIX],
            feed_urls=urls[FEED_PREFIX],
            **values,
        )

    @property
    def demand_cache(self) -> Path:
        """The folder in which Airflow's tasks keep demand that was read."""
        return self.home / "demand"

    def database_url(self, connection: str) -> str | None:
        """Return where a policy's database connection leads; None when the environment does not say."""
        return self.database_urls.get(variable_part(connection)) or None

    def feed_url(self, connection: str) -> str | None:
        """Return where a feed's connection leads; None when the environment does not say: it is not fetched then."""
        return self.feed_urls.get(variable_part(connection)) or None


def variable_part(connection: str) -> str:
    """Return how a connection is written in the name of a variable."""
    return re.sub(r"[^A-Z0-9]", "_", connection.upper())


def variables() -> dict[str, Variable]:
    """Return every variable with a name of its own, by its field of `Settings`; those of one reader stand together."""
    found = {each.name: each.metadata[VARIABLE] for each in fields(Settings) if VARIABLE in each.metadata}
    readers = list(Reader)
    return dict(sorted(found.items(), key=lambda item: readers.index(item[1].reader)))


def variable_name(setting: str) -> str:
    """Return the name of the variable behind a field of `Settings`."""
    return variables()[setting].name
