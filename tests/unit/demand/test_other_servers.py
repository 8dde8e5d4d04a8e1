"""Servers that speak Prometheus' API, each as its documentation says: logins, tenants, warnings and errors."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from springtide.demand.access import PrometheusAccess
from springtide.demand.connection import PrometheusAddress
from springtide.demand.instant import instant_query
from springtide.demand.prometheus import PrometheusSource
from springtide.errors import DemandUnavailable, DemandUnusable, SpringtideError
from unit.demand.prometheus_server import Answer, Prometheus, failure, success, text, typed, vector

NOW = datetime(2026, 11, 11, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
INFO = (
    "PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "
    '"shop_requests" (1:10)'
)
MIXED = 'PromQL warning: encountered a mix of histograms and floats for metric name "shop_requests" (1:10)'
AWAY = "receive series from Addr: 10.0.0.7:10901: rpc error: code = Unavailable desc = connection refused"


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let waits between tries take no time."""
    monkeypatch.setattr("urllib3.util.retry.time.sleep", lambda _seconds: None)


def series(*values: str) -> dict[str, object]:
    return {"metric": {}, "values": [[NOW.timestamp() + 60 * at, value] for at, value in enumerate(values)]}


def read(server: Prometheus, access: PrometheusAccess | None = None, path: str = "") -> list[float]:
    address = PrometheusAddress.parse(server.url + path, access=access or PrometheusAccess())
    source = PrometheusSource("sum(rate(shop_requests[1m]))", "requests/s", address=address)
    return list(source.read(NOW - 10 * MINUTE, NOW + MINUTE, MINUTE).values)


def error_of(server: Prometheus, answer: Answer | None = None, **changes: object) -> SpringtideError:
    if answer is not None:
        server.answer = lambda _: answer
    with pytest.raises(SpringtideError) as caught:
        read(server, **changes)  # type: ignore[arg-type]
    return caught.value


class TestPrometheus:
    @pytest.mark.parametrize("kind", ["infos", "warnings"])
    def test_a_hint_is_no_missing_part_whichever_field_it_stands_in(self, prometheus: Prometheus, kind: str) -> None:
        prometheus.answer = lambda _: success(series("7"), **{kind: [INFO]})

        assert read(prometheus) == [7]

    def test_a_warning_about_the_query_is_permanent(self, prometheus: Prometheus) -> None:
        error = error_of(prometheus, success(series("7"), warnings=[INFO, MIXED]))

        assert (type(error), error.code) == (DemandUnusable, "demand_refused")
        assert "mix of histograms and floats" in error.message
        assert "might not be a counter" not in error.message

    @pytest.mark.parametrize("answer", [typed("matrix", None), success()])
    def test_null_is_nothing(self, prometheus: Prometheus, answer: Answer) -> None:
        assert "the query returns nothing between" in error_of(prometheus, answer).message

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (typed("matrix", [{"metric": {}, "histograms": [[0, {"count": "1"}]]}]), "native histogram"),
            (
                typed("matrix", [{"metric": {}, "values": [[0, "1"]], "histograms": [[1, {"count": "1"}]]}]),
                "native histogram",
            ),
            (typed("scalar", [0, "1"]), "a scalar or a text"),
            (typed("string", [0, "high"]), "a scalar or a text"),
            (typed("vector", [{"metric": {}, "value": [0, "1"]}]), "a series without points"),
            (typed("matrix", 5), "a scalar or a text"),
        ],
        ids=["histogram", "both", "scalar", "string", "vector", "number"],
    )
    def test_what_is_no_range_of_numbers_is_told_in_words(
        self, prometheus: Prometheus, answer: Answer, words: str
    ) -> None:
        error = error_of(prometheus, answer)

        assert (type(error), error.code) == (DemandUnusable, "capacity_unusable")
        assert words in error.message

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (vector({"metric": {}, "histogram": [0, {"count": "1"}]}), "native histogram"),
            (typed("string", [0, "high"]), "no number"),
            (typed("matrix", [{"metric": {}, "values": [[0, "1"]]}]), "no number"),
            (vector({"metric": {}}), "no number"),
        ],
        ids=["histogram", "string", "range", "nothing"],
    )
    def test_an_instant_query_says_the_same(self, prometheus: Prometheus, answer: Answer, words: str) -> None:
        prometheus.answer = lambda _: answer

        with pytest.raises(DemandUnusable, match=words):
            instant_query(prometheus.url, "x")

    def test_an_instant_query_takes_scalars_and_null(self, prometheus: Prometheus) -> None:
        answers = iter([typed("scalar", [0, "1.5"]), typed("vector", None), vector(), typed("scalar", [0, "NaN"])])
        prometheus.answer = lambda _: next(answers)

        assert instant_query(prometheus.url, "scalar(x)") == 1.5
        assert instant_query(prometheus.url, "x") is None
        assert instant_query(prometheus.url, "x") is None
        number = instant_query(prometheus.url, "scalar(x)")
        assert number is not None
        assert math.isnan(number)


class TestThanos:
    def test_a_store_that_is_away_is_asked_for_again(self, prometheus: Prometheus) -> None:
        error = error_of(prometheus, success(series("7"), warnings=[INFO, AWAY]))

        assert isinstance(error, DemandUnavailable)
        assert "not whole" in error.message

    def test_a_422_of_a_store_that_is_away_is_asked_for_again(self, prometheus: Prometheus) -> None:
        error = error_of(prometheus, failure(422, "execution", f"expanding series: proxy Series(): {AWAY}"))

        assert (type(error), error.code) == (DemandUnavailable, "demand_unavailable")

    @pytest.mark.parametrize(
        "message",
        [
            "found duplicate series for the match group on the right hand-side of the operation",
            'cannot execute "sum(kube_deployment_status: nodes are unavailable)": many-to-many matching not allowed',
        ],
    )
    def test_any_other_422_is_permanent(self, prometheus: Prometheus, message: str) -> None:
        assert isinstance(error_of(prometheus, failure(422, "execution", message)), DemandUnusable)


class TestMimir:
    @pytest.fixture
    def mimir(self, prometheus: Prometheus) -> Prometheus:
        prometheus.prefix = "/prometheus"
        prometheus.refusal = lambda sent: None if "x-scope-orgid" in sent else text(401, "no org id\n")
        return prometheus

    def test_a_tenant_is_asked_below_its_prefix(self, mimir: Prometheus) -> None:
        access = PrometheusAccess(headers={"X-Scope-OrgID": "shop"})

        assert len(read(mimir, access, "/prometheus")) == 12

    def test_without_a_tenant_the_header_is_named(self, mimir: Prometheus) -> None:
        error = error_of(mimir, path="/prometheus")

        assert (type(error), error.code) == (DemandUnusable, "demand_refused")
        assert "it answered 401: no org id. It wants a login." in error.message
        assert "X-Scope-OrgID (--prometheus-header; in Airflow the extra field headers)" in error.message

    def test_without_the_prefix_it_is_named(self, mimir: Prometheus) -> None:
        error = error_of(mimir)

        assert "it answered 404: 404 page not found. Nothing answers below this path" in error.message
        assert "such as http://mimir/prometheus" in error.message

    def test_a_limit_of_the_tenant_is_told_in_its_words(self, mimir: Prometheus) -> None:
        limit = (
            "the query exceeded the maximum number of chunks (limit: 2000000 chunks) (err-mimir-max-chunks-per-query)"
        )
        mimir.answer = lambda _: failure(422, "execution", limit)

        error = error_of(mimir, access=PrometheusAccess(headers={"X-Scope-OrgID": "shop"}), path="/prometheus")

        assert isinstance(error, DemandUnusable)
        assert "err-mimir-max-chunks-per-query" in error.message


class TestVictoriaMetrics:
    PATH = "/select/0/prometheus"

    @pytest.fixture
    def victoria(self, prometheus: Prometheus) -> Prometheus:
        prometheus.prefix = self.PATH
        return prometheus

    def test_its_statistics_do_not_matter(self, victoria: Prometheus) -> None:
        victoria.answer = lambda _: success(series("7"), isPartial=False, stats={"seriesFetched": "1"})

        assert read(victoria, path=self.PATH) == [7]

    def test_a_part_is_no_whole(self, victoria: Prometheus) -> None:
        error = error_of(victoria, success(series("7"), isPartial=True), path=self.PATH)

        assert isinstance(error, DemandUnavailable)

    @pytest.mark.parametrize(
        ("message", "kind"),
        [
            ("cannot return full response, since some of vmstorage nodes are unavailable", DemandUnavailable),
            ("cannot search metric names on vmstorage 10.0.0.8:8401: EOF", DemandUnavailable),
            ("cannot dial vmstorage-0:8401: dial tcp4 10.0.0.8:8401: i/o timeout", DemandUnavailable),
            ("the number of matching timeseries exceeds 300000; either narrow down the search", DemandUnusable),
            ('cannot execute "x_unavailable{": unexpected end', DemandUnusable),
        ],
    )
    def test_its_422_is_both_a_wrong_query_and_a_node_that_is_away(
        self, victoria: Prometheus, message: str, kind: type[SpringtideError]
    ) -> None:
        assert isinstance(error_of(victoria, failure(422, "422", message), path=self.PATH), kind)


class TestLogins:
    def test_a_token_is_read_from_its_file_for_each_connection(self, prometheus: Prometheus, tmp_path: Path) -> None:
        file = tmp_path / "token"
        for token in ("first", "renewed"):
            file.write_text(f"{token}\n")
            read(prometheus, PrometheusAccess(token_file=file))

        assert [sent["Authorization"] for sent in prometheus.headers] == ["Bearer first", "Bearer renewed"]

    @pytest.mark.parametrize("content", [None, b"", b"two words", b"\xff\xfe", b"a\nb"])
    def test_a_file_without_a_token_is_told_and_not_shown(
        self, prometheus: Prometheus, tmp_path: Path, content: bytes | None
    ) -> None:
        file = tmp_path / "token"
        if content is not None:
            file.write_bytes(content)

        error = error_of(prometheus, access=PrometheusAccess(token_file=file))

        assert (type(error), error.code) == (DemandUnusable, "demand_refused")
        assert "its token cannot be read from" in error.message
        assert "two words" not in error.message
        assert prometheus.asked == []

    def test_files_of_certificates_that_are_missing_are_told(self, prometheus: Prometheus, tmp_path: Path) -> None:
        error = error_of(prometheus, access=PrometheusAccess(ca=tmp_path / "ca.pem"))

        assert "its ca cannot be read from" in error.message

    @pytest.mark.parametrize("status", [401, 403])
    def test_a_login_that_is_refused_says_what_to_set(self, prometheus: Prometheus, status: int) -> None:
        error = error_of(prometheus, text(status, "<html><body>Sign in</body></html>"))

        assert f"it answered {status}. " in error.message
        assert "--prometheus-token-file" in error.message
        assert "in Airflow login and password" in error.message

    def test_a_redirect_to_a_login_page_is_called_that(self, prometheus: Prometheus) -> None:
        place = "https://sso.example/oauth2/authorize?client_id=x&state=secret"
        error = error_of(prometheus, (302, {"Location": place}, b""))

        assert "it redirects to a login page ('https://sso.example/oauth2/authorize')" in error.message
        assert "--prometheus-token-file" in error.message
        assert "secret" not in error.message

    def test_a_page_for_people_is_called_that(self, prometheus: Prometheus) -> None:
        error = error_of(prometheus, (200, {"Content-Type": "text/html"}, b"<!doctype html><title>Log in</title>"))

        assert (
            "does not answer as Prometheus does (a page for people: a login page, or another server)" in error.message
        )


class TestIdentity:
    """What is kept of one tenant or login is nothing for another."""

    def identity(self, url: str = "http://mimir", **headers: str) -> str:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return PrometheusAddress.parse(url, named).identity

    def test_tenants_logins_and_addresses_differ(self) -> None:
        identities = [
            self.identity(),
            self.identity(X_Scope_OrgID="shop"),
            self.identity(X_Scope_OrgID="bank"),
            self.identity("http://ada:x@mimir"),
            self.identity("http://bob:x@mimir"),
            self.identity(Authorization="Bearer one"),
            self.identity(Authorization="Bearer two"),
            self.identity("http://other"),
        ]

        assert len(set(identities)) == len(identities)
        assert "ada:x" not in "".join(identities)

    def test_a_token_that_was_renewed_is_the_same_login(self) -> None:
        old, new, other = (self.jwt(sub=sub, exp=exp) for sub, exp in (("a", 1), ("a", 2), ("b", 1)))

        assert self.identity(Authorization=f"Bearer {old}") == self.identity(Authorization=f"Bearer {new}")
        assert self.identity(Authorization=f"Bearer {old}") != self.identity(Authorization=f"Bearer {other}")

    def test_a_password_that_was_changed_is_the_same_login(self) -> None:
        assert self.identity("http://ada:x@mimir") == self.identity("http://ada:y@mimir")
        assert self.identity(Authorization="Basic YWRhOng=") == self.identity(Authorization="Basic YWRhOnk=")

    def test_how_a_header_is_written_does_not_matter(self) -> None:
        assert self.identity(X_Scope_OrgID="shop") == self.identity(x_scope_orgid="shop")

    def jwt(self, **claims: object) -> str:
        from base64 import urlsafe_b64encode

        body = urlsafe_b64encode(json.dumps({"iss": "https://sso", **claims}).encode()).decode().rstrip("=")
        return f"e30.{body}.signature"
