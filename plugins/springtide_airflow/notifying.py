"""Telling people by Airflow's Apprise provider: the connection `springtide_notify` holds the URLs and their tags.

Without that connection nobody is told, which is said once a process. The provider's own `notify` drops what became of
each URL; so its hook reads the connection, and Apprise is asked here.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import TYPE_CHECKING, Final

from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret

from springtide_airflow.clock import system_clock
from springtide_airflow.hook import SpringtideHook

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from contextlib import AbstractContextManager

    from airflow.sdk import Connection, Context
    from apprise import Apprise, NotifyBase

    from springtide.clock import Clock
    from springtide.notify.telling import Delivery, Teller
    from springtide.notify.words import Notice
    from springtide.record.notifications import NotificationStore

NOTIFY_CONNECTION: Final = "springtide_notify"

SEND_SECONDS: Final = 15.0
"""How long all URLs together have for one message, side by side. A task that waits longer holds up what comes after."""

log = logging.getLogger(__name__)


class AppriseChannels:
    """The URLs of the connection, read once for all that one task tells."""

    def __init__(self) -> None:
        self._services: list[NotifyBase] | None = None

    def are_there(self) -> bool:
        """Say whether there is such a connection, and a URL in it."""
        connection = _connection()
        if connection is not None and self._services is None:
            self._services = list(_opened(connection))
        return bool(self._services)

    def deliver(self, notice: Notice, *, but: Collection[str]) -> Delivery:
        """Send `notice` to every URL that fits its tags, `but` those that have it."""
        from springtide.notify.routing import fits
        from springtide.notify.telling import Delivery

        named = _named(self._services or [])
        fitting = {
            name: each for name, each in named.items() if fits(frozenset(map(str, each.tags)), frozenset(notice.tags))
        }
        if not fitting:
            return Delivery(is_for_nobody=True)
        return _sent(notice, {name: each for name, each in fitting.items() if name not in but})


def teller(
    open_store: Callable[[], AbstractContextManager[NotificationStore]] | None = None, clock: Clock | None = None
) -> Teller:
    """Return what tells people; what was told is kept in the store of runs unless another is given."""
    from springtide.notify.telling import Teller

    opened = open_store or SpringtideHook().store
    return Teller(channels=AppriseChannels(), open_store=opened, clock=clock or system_clock())


def page_of(context: Context) -> str | None:
    """Return Airflow's page of the DAG run that a task belongs to; None where `[api] base_url` is not set."""
    from springtide.notify.links import run_page

    run = context["dag_run"]
    return run_page(_base_url(), run.dag_id, run.run_id)


def answer_page_of(context: Context) -> str | None:
    """Return the page on which a person answers what this task asks; None where `[api] base_url` is not set."""
    from springtide.notify.links import answer_page

    run = context["dag_run"]
    return answer_page(_base_url(), run.dag_id, run.run_id, context["ti"].task_id)


def _base_url() -> str | None:
    address: str | None = conf.get("api", "base_url", fallback=None)
    return address


def _connection() -> Connection | None:
    from airflow.providers.apprise.hooks.apprise import AppriseHook

    try:
        connection: Connection = AppriseHook(NOTIFY_CONNECTION).get_connection(NOTIFY_CONNECTION)
    except AirflowNotFoundException:
        _say_that_nobody_is_told()
        return None
    return connection


@cache
def _say_that_nobody_is_told() -> None:
    log.info("nobody is told of anything: there is no connection %s", NOTIFY_CONNECTION)


def _opened(connection: Connection) -> Apprise:
    """Return the URLs of the connection; one that Apprise cannot read is left out, and told."""
    from airflow.providers.apprise.hooks.apprise import AppriseHook
    from apprise import Apprise, AppriseAsset

    hook = AppriseHook(NOTIFY_CONNECTION)
    config = hook.get_config_from_conn(connection)
    entries = config if isinstance(config, list) else [config]
    for entry in entries:
        mask_secret(entry["path"])  # URLs hold tokens, and a field called path is masked by nobody
    asset = AppriseAsset(app_id="springtide", app_desc="springtide", secure_logging=True)
    opened = Apprise(asset=asset)
    hook.set_config_from_conn(connection, opened)
    if len(opened) < len(entries):
        log.warning("connection %s: only %s of its %s URLs can be used", NOTIFY_CONNECTION, len(opened), len(entries))
    return opened


def _named(services: Collection[NotifyBase]) -> dict[str, NotifyBase]:
    """Return each URL by a name that is the same tomorrow, and that no secret can be read from."""
    from springtide.notify.routing import channel_names

    names = channel_names(map(_masked, services))
    return dict(zip(names, services, strict=True))


def _sent(notice: Notice, pending: dict[str, NotifyBase]) -> Delivery:
    from apprise import Apprise, AppriseResultStatus, NotifyFormat, NotifyType

    from springtide.notify.telling import Delivery

    if not pending:
        return Delivery()
    result = Apprise(services=list(pending.values())).notify(
        body=notice.body,
        title=notice.title,
        notify_type=NotifyType(notice.level),
        body_format=NotifyFormat.TEXT,
        interpret_escapes=False,
        timeout=SEND_SECONDS,
    )
    missed = [each for each in result if each.status != AppriseResultStatus.SUCCESS]
    # Who was not asked is a later step of a chain of priorities, and is asked when the first of it did not answer.
    asked = {each.url for each in result}.difference(each.url for each in missed)
    reached = tuple(name for name, each in pending.items() if _masked(each) in asked)
    if result:
        return Delivery(reached=reached)
    told = tuple(f"{each.name}: {each.status.name.lower()}" for each in missed)
    return Delivery(reached=reached, missed=told or (f"Apprise: {result.status.name.lower()}",))


def _masked(service: NotifyBase) -> str:
    return str(service.url(privacy=True))  # type: ignore[no-untyped-call]
