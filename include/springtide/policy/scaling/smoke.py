"""What the new instances are checked with, before the traffic moves to them and once they serve."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field

from springtide.policy.language.parts import Contradiction, Part
from springtide.policy.language.requests import HeaderName, HeaderValue, PortReference, Text
from springtide.policy.language.units import Duration, Percent, PromQl, UrlPath, between
from springtide.quantities import round_up

_LONGEST_CHECK = Duration("30m")


class RequestHeader(Part):
    """One header of a request."""

    name: HeaderName
    """What it is called, such as `Host`. Those that sign in or frame the message are refused. Required."""

    value: HeaderValue
    """What it says, such as `shop.example.com`. Required."""


class HttpCheck(Part):
    """Requests to the policy's own Service and, before the switch, to each of its new pods."""

    path: UrlPath
    """The path that is requested, such as `/healthz`. Never a URL: the host is the Service. Required."""

    scheme: Literal["http", "https"] = "http"
    """What the port speaks. Default `http`. With `https` the certificate is not verified, as in the kubelet's own
    probes: requests go to addresses, which certificates seldom name."""

    port: PortReference | None = None
    """The Service's port, its number or its name. Default none: its first TCP port."""

    headers: Annotated[tuple[RequestHeader, ...], Field(strict=False, max_length=20)] = ()
    """Headers that are sent along, written as in a Kubernetes probe. Default none. No secrets: records hold them."""

    expect: Annotated[int, Field(ge=200, le=599)] = 200
    """The status that counts as passed. Default 200. Redirects are not followed: expect 301 where one is right."""

    expect_text: Text | None = None
    """Text that the first 64 KiB of the answer must contain. Default none: the status alone counts."""

    samples: Annotated[int, Field(ge=1, le=10_000)] = 50
    """How many requests are sent through the Service, each on a fresh connection, so that they spread over the pods.
    Before the switch they are dealt out to the new pods, at least one to each. Default 50."""

    timeout: Annotated[Duration, between("1s", "1m")] = Duration("2s")
    """How long one answer may take; a later one counts as failed. Default 2s."""

    must_pass: Percent = Percent("100%")
    """How many of the samples must pass. Default 100%: a switch drops nothing. Lower it only for a service that is
    known to fail now and then."""

    when: Literal["before_switch", "after_switch", "both"] = "both"
    """When it is asked: of each new pod before the Service points at any of them, through the Service once it does, or
    both. Default `both`. Only `blue_green` has new pods without traffic: elsewhere every check is asked after."""

    via: Literal["service", "api_server"] = "service"
    """The way through the Service: to its ClusterIP, or passed on by the API server (`services/proxy`), for places that
    reach no ClusterIP. Default `service`. Before the switch it is always the API server (`pods/proxy`)."""

    @property
    def is_plain(self) -> bool:
        """Whether requests of nothing but path and port reach the Service, over HTTP: what a load generator sends."""
        return self.scheme == "http" and self.via == "service" and not self.headers

    @property
    def needed(self) -> int:
        """How many samples must pass, at least 1."""
        return self.needed_of(self.samples)

    def needed_of(self, samples: int) -> int:
        """Return how many of so many samples must pass, at least 1."""
        return max(1, round_up(samples * self.must_pass))

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers as a client takes them."""
        return {header.name: header.value for header in self.headers}

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        names = [header.name.lower() for header in self.headers]
        if len(set(names)) < len(names):
            yield Contradiction(("headers",), "each header may be written once")
        # The worst case, one after the other: a check that outlives its phase's deadline would fail every run.
        longest = self.samples * self.timeout
        if longest > _LONGEST_CHECK:
            whole = f"{self.samples} samples with a timeout of {self.timeout} may take {Duration.of(longest)}"
            yield Contradiction(("samples",), f"{whole}: at most {_LONGEST_CHECK}")


class PromqlCheck(Part):
    """A condition on a number that Prometheus returns, such as the share of failed requests.

    It is asked after the switch, now and then while the stable set drains, and before each step that takes pods away.
    """

    query: PromQl
    """PromQL that returns exactly one number. Required."""

    below: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Passed when the number is below this."""

    above: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Passed when the number is above this. With `below` as well, both must hold."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if self.below is None and self.above is None:
            yield Contradiction(
                ("below",), "set below, above, or both: they say which number passes", "policy_missing_key"
            )
        elif self.below is not None and self.above is not None and self.above >= self.below:
            yield Contradiction(("above",), f"no number is above {self.above:g} and below {self.below:g}")


def _one_kind(schema: dict[str, Any]) -> None:
    schema["oneOf"] = [{"required": [kind], "properties": {kind: {"type": "object"}}} for kind in ("http", "promql")]


class SmokeCheck(Part, json_schema_extra=_one_kind):
    """One check: exactly one of `http` and `promql`."""

    http: HttpCheck | None = None
    """Requests to the Service and its new pods."""

    promql: PromqlCheck | None = None
    """A condition on a metric."""

    def contradictions(self) -> Iterator[Contradiction]:
        """Yield what cannot hold together."""
        if (self.http is None) == (self.promql is None):
            yield Contradiction((), "a check is either http or promql: set exactly one of them")

    @property
    def check(self) -> HttpCheck | PromqlCheck:
        """The check itself."""
        check = self.http or self.promql
        assert check is not None
        return check
