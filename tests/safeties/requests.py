"""What is asked over HTTP, and what is believed of an answer: bounded, straight, and by nobody else's settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import urllib3

from safeties.safety import Safety, TakeOut, answering, patched, without, wrapped
from springtide.demand import connection, few_requests, tagged, together
from springtide.kube import proxy
from springtide.verify import route
from springtide.verify.route import HttpRoute

Real = Callable[..., Any]

ROUTE = "unit/verify/test_route_protections.py"
PASSED_ON = "unit/kube/test_passed_on_requests.py"
PROMETHEUS = "unit/demand/test_prometheus_source.py"
TOGETHER = "unit/demand/test_together.py"
AS_IF_ALONE = "test_whatever_one_answers_it_and_its_neighbours_are_as_if_alone"


def client_with(**settings: Any) -> TakeOut:
    """Return what makes every client of the route with `settings`, whatever it is made with."""

    def around(real: Real) -> Real:
        return lambda self, **options: real(self, **(options | settings))

    return wrapped(httpx.Client, "__init__", around)


def following(patch: pytest.MonkeyPatch) -> None:
    real: Real = urllib3.PoolManager.request

    def careless(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **(options | {"redirect": True, "retries": None}))

    patch.setattr(urllib3.PoolManager, "request", careless)


def without_a_look_at_redirects(real: Real) -> Real:
    def careless(self: Any, response: Any) -> None:
        if not response.is_redirect:
            real(self, response)

    return careless


def as_if_whole(real: Real) -> Real:
    def careless(body: bytes) -> Any:
        answer = real(body)
        return {key: answer[key] for key in answer.keys() - {"warnings", "isPartial"}}

    return careless


SAFETIES = (
    Safety(
        name="A smoke check follows no redirect",
        keeps="a login page elsewhere passes for the service",
        take_out=client_with(follow_redirects=True),
        seen_by=f"{ROUTE}::test_a_redirect_is_an_answer_and_nobody_goes_there",
        because="assert",
    ),
    Safety(
        name="A smoke check reads no more than 64 KiB",
        keeps="a body without end fills the memory",
        take_out=patched((route, "BODY_LIMIT"), to=1 << 40),
        seen_by=f"{ROUTE}::test_a_long_answer_is_cut_and_not_loaded",
        because="assert",
    ),
    Safety(
        name="Every request is on a connection of its own",
        keeps="one old pod answers every probe, and passes for the new ones",
        take_out=client_with(limits=httpx.Limits()),
        seen_by=f"{ROUTE}::test_every_request_is_on_a_connection_of_its_own",
        because="assert",
    ),
    Safety(
        name="No proxy of the environment is asked",
        keeps="what a proxy answers passes for the service",
        take_out=client_with(trust_env=True),
        seen_by=f"{ROUTE}::test_a_proxy_of_the_environment_is_not_asked[HTTP_PROXY]",
        because="a proxy",
    ),
    Safety(
        name="A whole answer has to come in time",
        keeps="a trickle of bytes holds a run up for ever",
        take_out=wrapped(
            HttpRoute,
            "get",
            lambda real: lambda self, url, **options: real(self, url, **(options | {"timeout_seconds": 1e6})),
        ),
        seen_by=f"{ROUTE}::test_an_answer_that_goes_on_and_on_ends_at_the_timeout",
        because="assert",
    ),
    Safety(
        name="A request by way of the API server follows no redirect",
        keeps="a pod sends the credentials of the run elsewhere",
        take_out=following,
        seen_by=f"{PASSED_ON}::TestWhatComesBack::test_a_redirect_is_an_answer_and_is_not_followed",
        because="assert",
    ),
    Safety(
        name="What a pod answers by way of the API server is cut, unpacked",
        keeps="a small body that unpacks to gigabytes fills the memory",
        take_out=patched((proxy, "_body_of"), to=lambda response, *_: response.read(decode_content=True)),
        seen_by=f"{PASSED_ON}::TestBounds::test_a_body_is_cut_at_the_limit_as_it_is_unpacked[long]",
        because="assert",
    ),
    Safety(
        name="A whole answer by way of the API server has to come in time",
        keeps="a trickle of bytes holds a run up for ever",
        take_out=wrapped(
            proxy,
            "_body_of",
            lambda real: lambda response, limit, clock, _end: real(response, limit, clock, float("inf")),
        ),
        seen_by=f"{PASSED_ON}::TestBounds::test_an_answer_that_goes_on_and_on_ends_at_the_timeout",
        because="assert",
    ),
    Safety(
        name="A path never leaves the pod that it is for",
        keeps="a policy reads any object of the API",
        take_out=patched((proxy, "_CLIMBS"), to=re.compile("(?!)")),
        seen_by=f"{PASSED_ON}::TestWhatIsSent::test_a_path_that_leaves_the_object_is_refused[/../../secrets]",
        because="DID NOT RAISE",
    ),
    Safety(
        name="Prometheus is asked where its address says",
        keeps="its headers go where a redirect leads",
        take_out=wrapped(connection._Examiner, "_examine", without_a_look_at_redirects),
        seen_by=f"{PROMETHEUS}::TestRefusals::test_a_redirect_to_another_page_of_it_is_not_followed_either",
        because="assert",
    ),
    Safety(
        name="An answer of Prometheus is bounded",
        keeps="a query for every pod fills the memory",
        take_out=patched((connection, "_ANSWER_BYTES"), to=1 << 40),
        seen_by=f"{PROMETHEUS}::TestAnswersThatAreNotWhole::test_an_endless_body",
        because="assert",
    ),
    Safety(
        name="Half an answer of Prometheus is none",
        keeps="half of the pods' demand looks like half of the demand",
        take_out=wrapped(connection, "parsed", as_if_whole),
        seen_by=f"{PROMETHEUS}::TestAnswersThatAreNotWhole::test_warnings_and_partial_data_are_asked_for_again[extra1]",
        because="DID NOT RAISE",
    ),
    Safety(
        name="Prometheus gets the login that it was given, and no other",
        keeps="a login of the machine replaces the token",
        take_out=patched((connection, "_Login"), to=answering(None)),
        seen_by=f"{PROMETHEUS}::TestReading::test_a_token_is_not_replaced_by_a_login_of_the_machine",
        because="Basic",
    ),
    Safety(
        name="The clock of Prometheus is compared with ours",
        keeps="the newest samples are not those of now",
        take_out=without(connection._Examiner, "_compare_clocks"),
        seen_by=f"{PROMETHEUS}::TestAnswersThatAreNotWhole::test_samples_by_a_clock_that_is_off_are_not_those_of_now",
        because="DID NOT RAISE",
    ),
    Safety(
        name="A query that might reach out of its parentheses is asked alone",
        keeps="the demand of one service is answered by a piece of another one's query",
        take_out=patched((together, "is_closed"), to=answering(True)),
        seen_by=f"{TOGETHER}::test_a_query_that_might_reach_into_a_neighbour_goes_alone[demand_7) or (demand_8]",
        because="assert",
    ),
    Safety(
        name="Queries that are refused together are asked again, and at last alone",
        keeps="one wrong query takes away the demand of a hundred services",
        take_out=patched((few_requests, "DemandUnusable"), to=()),
        seen_by=f"{TOGETHER}::{AS_IF_ALONE}[refused-None]",
        because="DemandUnusable",
    ),
    Safety(
        name="Demand that is asked for together keeps the labels that it has",
        keeps="two series that come one after the other pass for one",
        take_out=wrapped(
            tagged,
            "_tagged",
            lambda real: lambda query, number: real(query, number).replace(":$1", ":").replace("(?s)(.*)", ""),
        ),
        seen_by="unit/demand/test_tagged.py::test_a_tag_keeps_what_the_label_says",
        because="assert",
    ),
    Safety(
        name="An answer to many queries counts by its tags alone",
        keeps="a cache, or a server that does not tag, answers one service with the demand of another",
        take_out=patched((few_requests, "untagged"), to=lambda result, _queries: [[series] for series in result]),
        seen_by=f"{TOGETHER}::test_a_server_that_does_not_tag_is_not_believed",
        because="assert",
    ),
)
