"""What the routes of services share, REST and pages alike: one reader of the wall screen, one planner, one detail."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import Annotated, Final

from fastapi import Depends, Query, Request

from springtide.errors import SpringtideError
from springtide.overview.plan_now import Planner, PlanNow
from springtide.overview.service_detail import ServiceDetail, service_detail
from springtide.overview.service_history import HistoryQuery
from springtide.overview.services import ServiceRow, service_rows
from springtide.overview.wall import Wall, WallPorts, WallQuery, WallReader
from springtide.policy.scaling.model import ScalingPolicy
from springtide.run.halt import Halt
from springtide.settings import variable_name
from springtide.web.access import surroundings_of
from springtide.web.ports import Surroundings

_making: Final = Lock()


@dataclass(frozen=True, slots=True)
class ServiceViews:
    """Reads services. One application has one, so that what was read lately is known to all of its routes."""

    surroundings: Surroundings
    reader: WallReader
    planner: Planner

    @classmethod
    def of(cls, surroundings: Surroundings) -> ServiceViews:
        """Return the views of an application."""
        ports = WallPorts(
            clock=surroundings.clock,
            policies=surroundings.policies,
            calendars=surroundings.calendars,
            open_store=surroundings.open_store,
            open_ports=surroundings.ports,
            paused_dags=surroundings.starts.paused,
            halt=Halt.of_words(surroundings.settings.halt, variable_name("halt")),
        )
        reader = WallReader(ports)
        return cls(surroundings, reader, Planner(surroundings.ports, reader.policies))

    def wall(self, query: WallQuery) -> Wall:
        """Return the wall screen.

        Raises:
            PolicyError: the folder of policies cannot be read.
        """
        return self.reader.read(query)

    def policy(self, service: str) -> ScalingPolicy:
        """Return the policy of `service`.

        Raises:
            InputError: there is none (`service_unknown`).
            PolicyError: it has errors.
        """
        return self.reader.policy(service)

    def row(self, service: str) -> ServiceRow:
        """Return the row of one service, also of one whose policy is broken.

        Raises:
            InputError: there is no such policy (`service_unknown`).
        """
        try:
            self.policy(service)
        except SpringtideError as error:
            if error.code == "service_unknown":
                raise
        inputs, _, _ = self.reader.inputs([service])
        return service_rows(inputs)[0]

    def detail(self, service: str, query: HistoryQuery) -> ServiceDetail:
        """Return everything about one service.

        Raises:
            InputError: there is no such policy (`service_unknown`).
            PolicyError: it has errors.
            TemporaryError: the store does not answer.
        """
        policy = self.policy(service)
        inputs, _, snapshot = self.reader.inputs([service])
        with self.surroundings.open_store() as store:
            return service_detail(store, policy, inputs, snapshot.calendars, query)

    def plan(self, service: str) -> PlanNow:
        """Return what a run would do now, within two seconds: see `Planner.plan`."""
        return self.planner.plan(self.policy(service))


def service_views(request: Request) -> ServiceViews:
    """Return the application's views, made at the first request."""
    state = request.app.state
    with _making:
        if not hasattr(state, "service_views"):
            state.service_views = ServiceViews.of(surroundings_of(request))
    views: ServiceViews = state.service_views
    return views


def searched(
    by: Annotated[str, Query(max_length=200, description="A part of who asked.")] = "",
    event: Annotated[str, Query(max_length=200, description="A part of an event's name.")] = "",
    outcome: Annotated[str, Query(max_length=40, description="How it ended.")] = "",
) -> HistoryQuery:
    """Return which runs are looked for.

    Raises:
        InputError: there is no such outcome (`outcome_unknown`).
    """
    return HistoryQuery(by=by, event=event, outcome=outcome)


Views = Annotated[ServiceViews, Depends(service_views)]
Searched = Annotated[HistoryQuery, Depends(searched)]
