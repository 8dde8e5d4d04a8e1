"""What is asked of Prometheus, what is taken from its answers, and every answer that is not."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.clock import ManualClock
from springtide.demand.connection import PrometheusAddress, connect
from springtide.demand.prometheus import PrometheusSource, chunks
from springtide.errors import DemandUnavailable, DemandUnusable, InputError, SpringtideError
from unit.demand.prometheus_server import Answer, Prometheus, failure, success

NOW = datetime(2026, 11, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
QUERY = "sum(rate(requests[1m]))"


def source(url: str, **headers: str) -> PrometheusSource:
    """Return a source on the server at `url`."""
    return PrometheusSource(QUERY, "requests/s", address=PrometheusAddress.parse(url, headers))


def refusal(prometheus: Prometheus, answer: Answer) -> SpringtideError:
    """Return the error that `answer` becomes."""
    prometheus.answer = lambda _: answer
    with pytest.raises(SpringtideError) as caught:
        source(prometheus.url).read(NOW - timedelta(hours=1), NOW, MINUTE)
    return caught.value


def series(*values: str, **labels: str) -> dict[str, object]:
    """Return one series of the range API."""
    return {"metric": labels, "values": [[NOW.timestamp() + 60 * at, value] for at, value in enumerate(values)]}


class TestReading:
    def test_one_point_a_step_comes_back_as_it_is(self, prometheus: Prometheus) -> None:
        demand = source(prometheus.url).read(NOW - timedelta(minutes=10), NOW, MINUTE)

        assert list(demand.times) == [NOW.timestamp() - 60 * back for back in range(10, -1, -1)]
        assert list(demand.values) == [moment % 1000 for moment in demand.times]
        assert (demand.unit, prometheus.asked[0]["query"]) == ("requests/s", QUERY)

    def test_a_month_of_minutes_is_read_in_chunks_without_a_seam(self, prometheus: Prometheus) -> None:
        demand = source(prometheus.url).read(NOW - timedelta(days=30), NOW, MINUTE)

        assert len(demand) == 43_201
        assert set(np.diff(demand.times)) == {60.0}
        assert len(prometheus.asked) == 4

    def test_points_stand_at_multiples_of_the_step(self, prometheus: Prometheus) -> None:
        start = NOW - timedelta(minutes=5, seconds=17.25)

        demand = source(prometheus.url).read(start, NOW + timedelta(seconds=29), MINUTE)

        assert demand.times[0] == NOW.timestamp() - 300
        assert demand.times[-1] == NOW.timestamp()

    def test_gaps_stay_gaps(self, prometheus: Prometheus) -> None:
        prometheus.value = lambda moment: None if moment < NOW.timestamp() - 120 else 5

        demand = source(prometheus.url).read(NOW - timedelta(minutes=10), NOW, MINUTE)

        assert list(demand.values) == [5, 5, 5]

    def test_a_chunk_without_points_does_not_matter(self, prometheus: Prometheus) -> None:
        prometheus.value = lambda moment: None if moment < NOW.timestamp() - 86_400 else 1

        assert len(source(prometheus.url).read(NOW - timedelta(days=20), NOW, MINUTE)) == 1441

    def test_headers_and_login_go_with_every_request(self, prometheus: Prometheus) -> None:
        url = prometheus.url.replace("://", "://reader:p%40ss@")

        source(url, **{"X-Scope-OrgID": "shop"}).read(NOW - timedelta(days=10), NOW, MINUTE)

        assert {sent["Authorization"] for sent in prometheus.headers} == {"Basic cmVhZGVyOnBAc3M="}
        assert {sent["X-Scope-OrgID"] for sent in prometheus.headers} == {"shop"}

    def test_a_token_is_not_replaced_by_a_login_of_the_machine(
        self, prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        netrc = tmp_path_factory.mktemp("home") / "netrc"
        netrc.write_text("default login somebody password else\n")
        monkeypatch.setenv("NETRC", str(netrc))

        source(prometheus.url, Authorization="Bearer token").read(NOW - MINUTE, NOW, MINUTE)

        assert prometheus.headers[0]["Authorization"] == "Bearer token"


class TestAnswersThatAreNotDemand:
    def test_nothing(self, prometheus: Prometheus) -> None:
        error = refusal(prometheus, success())

        assert (type(error), error.code) == (DemandUnusable, "capacity_unusable")
        assert QUERY in error.message

    def test_several_series_are_named(self, prometheus: Prometheus) -> None:
        pods = [series("1", pod=f"web-{index}") for index in range(5)]

        error = refusal(prometheus, success(*pods))

        assert (type(error), error.code) == (DemandUnusable, "capacity_unusable")
        assert "5 series: {pod='web-0'}, {pod='web-1'}, {pod='web-2'} and 2 more. Wrap it in sum(...)." in error.message

    def test_another_series_in_a_later_chunk(self, prometheus: Prometheus) -> None:
        prometheus.answer = lambda asked: success(series("1", pod=asked["start"]))

        with pytest.raises(DemandUnusable, match="returns 2 series"):
            source(prometheus.url).read(NOW - timedelta(days=10), NOW, MINUTE)

    @pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-1", "-0.001"])
    def test_no_number_or_a_negative_one(self, prometheus: Prometheus, value: str) -> None:
        error = refusal(prometheus, success(series("1", value, "2")))

        assert (type(error), error.code) == (DemandUnusable, "capacity_unusable")
        assert "1 of 3 points" in error.message
        assert "2026-11-11T00:01:00Z" in error.message

    def test_a_histogram(self, prometheus: Prometheus) -> None:
        error = refusal(prometheus, success({"metric": {}, "histograms": []}))

        assert "histogram" in error.message

    def test_points_that_are_no_pairs(self, prometheus: Prometheus) -> None:
        error = refusal(prometheus, success({"metric": {}, "values": [[1], "x"]}))

        assert error.code == "capacity_unusable"


class TestAnswersThatAreNotWhole:
    @pytest.mark.parametrize("extra", [{"warnings": ["store eu-2 is away"]}, {"isPartial": True}])
    def test_warnings_and_partial_data_are_asked_for_again(
        self, prometheus: Prometheus, extra: dict[str, object]
    ) -> None:
        error = refusal(prometheus, success(series("1"), **extra))

        assert (type(error), error.code) == (DemandUnavailable, "demand_unavailable")
        assert "not whole" in error.message

    def test_the_warning_is_told(self, prometheus: Prometheus) -> None:
        assert "store eu-2 is away" in refusal(prometheus, success(warnings=["store eu-2 is away\n"])).message

    def test_hints_of_a_new_prometheus_are_no_warnings(self, prometheus: Prometheus) -> None:
        prometheus.answer = lambda _: success(series("1"), infos=["metric might not be a counter"])

        assert len(source(prometheus.url).read(NOW, NOW, MINUTE)) == 1

    def test_a_body_that_breaks_off(self, prometheus: Prometheus) -> None:
        error = refusal(prometheus, (200, {"Content-Length": "1000"}, b"{"))

        assert isinstance(error, DemandUnavailable)

    def test_an_endless_body(self, prometheus: Prometheus) -> None:
        error = refusal(prometheus, (200, {}, b" " * (33 * 1024 * 1024)))

        assert (type(error), error.code) == (DemandUnusable, "demand_refused")
        assert "larger than 32 MiB" in error.message

    def test_samples_by_a_clock_that_is_off_are_not_those_of_now(self, prometheus: Prometheus) -> None:
        prometheus.answer = lambda _: success(series("1"))
        ours = ManualClock(datetime(2000, 1, 1, tzinfo=UTC))

        with pytest.raises(DemandUnusable, match=r"its clock is [0-9]+ s ahead of ours") as caught:  # noqa: SIM117
            with connect(PrometheusAddress.parse(prometheus.url), clock=ours) as client:
                client.custom_query("up")

        assert caught.value.code == "demand_clock"


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "kind", "message"),
        [
            (400, "bad_data", 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis'),
            (422, "execution", "query processing would load too many samples into memory"),
            (401, "unauthorized", "who are you"),
            (403, "forbidden", "tenant not allowed"),
            (404, "not_found", "no such path"),
        ],
    )
    def test_a_refusal_is_permanent_and_in_prometheus_own_words(
        self, prometheus: Prometheus, status: int, kind: str, message: str
    ) -> None:
        error = refusal(prometheus, failure(status, kind, message))

        assert (type(error), error.code) == (DemandUnusable, "demand_refused")
        assert f"answered {status}: {message}." in error.message
        assert len(prometheus.asked) == 1

    def test_its_words_are_cut_and_on_one_line(self, prometheus: Prometheus) -> None:
        error = refusal(prometheus, failure(400, "bad_data", "x\r\n" * 10_000))

        assert error.message.isprintable()
        assert len(error.message) < 500

    @pytest.mark.parametrize("body", [b"<html>login</html>", b"[]", b'{"status": "success"}', b"{}", b"\xff"])
    def test_what_is_no_prometheus_is_told(self, prometheus: Prometheus, body: bytes) -> None:
        error = refusal(prometheus, (200, {}, body))

        assert (type(error), error.code) == (DemandUnusable, "demand_refused")
        assert "does not answer as Prometheus does" in error.message

    def test_a_redirect_is_not_followed(self, prometheus: Prometheus) -> None:
        error = refusal(prometheus, (302, {"Location": "http://169.254.169.254/"}, b""))

        assert (type(error), error.code) == (DemandUnusable, "demand_refused")
        assert len(prometheus.asked) == 1

    def test_a_redirect_to_another_page_of_it_is_not_followed_either(self, prometheus: Prometheus) -> None:
        error = refusal(prometheus, (302, {"Location": f"{prometheus.url}/login"}, b""))

        assert (type(error), error.code) == (DemandUnusable, "demand_refused")
        assert len(prometheus.asked) == 1


class TestTroubleThatPasses:
    @pytest.fixture(autouse=True)
    def waits(self, monkeypatch: pytest.MonkeyPatch) -> list[float]:
        """Let waits between tries take no time; return them."""
        waited: list[float] = []
        monkeypatch.setattr("urllib3.util.retry.time.sleep", waited.append)
        return waited

    @pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
    def test_it_is_asked_four_times(self, prometheus: Prometheus, status: int) -> None:
        error = refusal(prometheus, failure(status, "timeout", "query timed out in expression evaluation"))

        assert (type(error), error.code) == (DemandUnavailable, "demand_unavailable")
        assert f"answered {status}: query timed out" in error.message
        assert len(prometheus.asked) == 4

    def test_an_answer_at_last_is_taken(self, prometheus: Prometheus) -> None:
        answers = iter([failure(503, "unavailable", "starting"), failure(503, "unavailable", "starting")])
        prometheus.answer = lambda _: next(answers, success(series("7")))

        assert list(source(prometheus.url).read(NOW, NOW, MINUTE).values) == [7]

    def test_the_wait_that_is_asked_for_is_kept_within_bounds(self, prometheus: Prometheus, waits: list[float]) -> None:
        error = refusal(prometheus, failure(429, "throttled", "slow down", Retry_After="86400"))

        assert max(waits) <= 10
        assert isinstance(error, DemandUnavailable)
        assert error.retry_after == timedelta(minutes=10)

    def test_nobody_there(self) -> None:
        with pytest.raises(DemandUnavailable, match="no answer") as caught:
            source("http://user:secret@127.0.0.1:9").read(NOW, NOW, MINUTE)

        assert "secret" not in caught.value.message


class TestAddresses:
    @pytest.mark.parametrize(
        ("given_url", "url"),
        [
            ("http://prometheus:9090", "http://prometheus:9090"),
            ("https://user:pass@metrics.example/prometheus/", "https://metrics.example/prometheus"),
            ("http://[::1]:9090", "http://[::1]:9090"),
        ],
    )
    def test_the_address_that_is_shown_holds_no_login(self, given_url: str, url: str) -> None:
        address = PrometheusAddress.parse(given_url, {"Authorization": "Bearer secret"})

        assert address.url == url
        assert "pass" not in repr(address)
        assert "secret" not in repr(address)

    @pytest.mark.parametrize(
        ("url", "code"),
        [
            ("", "url_scheme"),
            ("prometheus:9090", "url_scheme"),
            ("file:///etc/passwd", "url_scheme"),
            ("gopher://secret@x", "url_scheme"),
            ("http://", "prometheus_url_invalid"),
            ("http://user:secret@:9090", "prometheus_url_invalid"),
            ("http://x?token=secret", "prometheus_url_invalid"),
            ("http://x#secret", "prometheus_url_invalid"),
            ("http://user:secret@x:port", "prometheus_url_invalid"),
            ("http://user:secret@[x", "prometheus_url_invalid"),
        ],
    )
    def test_any_other_is_refused_without_echoing_it(self, url: str, code: str) -> None:
        with pytest.raises(InputError) as caught:
            PrometheusAddress.parse(url)

        assert caught.value.code == code
        assert "secret" not in caught.value.message


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001  # the zone is put on below
    st.floats(0, 40 * 86_400),
    st.integers(1, 86_400),
    st.integers(1, 50),
)
@settings(deadline=None)
def test_chunks_hold_every_multiple_of_the_step_once(start: datetime, length: float, step: int, points: int) -> None:
    start = start.replace(tzinfo=UTC)
    end = start + timedelta(seconds=min(length, 300 * step))

    asked = [
        moment
        for low, high in chunks(start, end, timedelta(seconds=step), points)
        for moment in range(int(low.timestamp()), int(high.timestamp()) + 1, step)
    ]

    first = math.ceil(start.timestamp() / step)
    last = math.floor(end.timestamp() / step)
    assert asked == [step * index for index in range(first, last + 1)]


def test_no_chunk_is_larger_than_it_may_be() -> None:
    sizes = [(high - low) / MINUTE + 1 for low, high in chunks(NOW - timedelta(days=30), NOW, MINUTE, 10_999)]

    assert max(sizes) == 10_999
    assert sum(sizes) == 43_201
