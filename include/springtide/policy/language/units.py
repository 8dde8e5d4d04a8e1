"""The small language of policy values: `30s`, `5%`, `3x`, `100m`, and names that Kubernetes accepts.

Each value is a number that remembers its text, so that a policy dumps back to what its owner wrote:

>>> propagation = Duration("1h30m")
>>> propagation.total_seconds(), str(propagation)
(5400.0, '1h30m')
>>> round(10 * Percent("25%")), Factor("3x") * 4
(2, 12.0)
"""

import re
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, ClassVar, LiteralString, Self

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import PydanticCustomError, core_schema

from springtide.errors import InputError
from springtide.quantities import parse_quantity, round_down

MOST_SERVICES = 2000
"""Services of one event, or of one freeze: twice the largest fleet that was measured."""

MAX_REPLICAS = 10_000
"""Pods of one workload. Kubernetes promises its service levels for at most 3,000 pods in a namespace; beyond ten
thousand a number is a slip of the hand, not a plan."""

_SHOWN = 60
"""Characters of a value that a message repeats: a file may hold a megabyte in one of them."""
_LONGEST = timedelta(days=3650)
"""Ten years: more is a slip of the hand, and far below what overflows when it is added to a date."""
_KINDS = {"dict": "mapping", "tuple": "list"}


def refusal(code: LiteralString, message: str) -> PydanticCustomError:
    """Return the error that a validator raises: `code` and `message` reach the operator as they are."""
    return PydanticCustomError(code, "{message}", {"message": message})


def shown(value: object) -> str:
    """Return `value` for a message: its kind, escaped to ASCII, cut short; never a whole document."""
    match value:
        case None | True | False:  # before int: to Python, True is one
            return {None: "nothing", True: "true", False: "false"}[value]
        case int() if abs(value) >= 10**_SHOWN:
            return "an enormous number"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {value if len(value) <= _SHOWN else value[:_SHOWN] + '...'!a}"
    return f"a {_KINDS.get(type(value).__name__, type(value).__name__)}"


class Written:
    """A value with the text it was written as. Equality and arithmetic are those of the number."""

    text: str
    pattern: ClassVar[str]
    expected: ClassVar[str]
    accepts: ClassVar[tuple[type, ...]] = (str,)
    or_number: ClassVar[dict[str, Any] | None] = None

    @classmethod
    def read(cls, value: object) -> Self:
        """Return the value that an operator wrote.

        Raises:
            PydanticCustomError: it is not written as `expected` says (`policy_type`).
        """
        if isinstance(value, cls):
            return value
        # A bool is an int to Python, and `replicas: true` is a mistake, never one replica.
        if isinstance(value, cls.accepts) and not isinstance(value, bool):
            text = str(value)
            if re.fullmatch(cls.pattern, text):
                return cls(text)  # type: ignore[call-arg]  # each kind takes its text
        raise refusal("policy_type", f"expected {cls.expected}, got {shown(value)}")

    # Pydantic's own parsing of timedelta, Decimal and float would take other notations and lose the text: these two
    # methods replace it by `read`, and dump the text as it was written.
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.read,
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.text, when_used="json"),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        text = {"type": "string", "pattern": f"^(?:{cls.pattern})$"}
        return {"anyOf": [text, cls.or_number]} if cls.or_number else text

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"

    # Copies and pickles go through the text: the constructors of timedelta, Decimal and float know nothing of it.
    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (self.text,)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        return self


class Duration(Written, timedelta):
    """A span of time: whole days, hours, minutes and seconds, largest first."""

    pattern = r"(?=[0-9])([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?"
    expected = "a duration such as 30s, 5m, 1h30m or 28d"

    def __new__(cls, text: str) -> Self:
        """Read `text`, which matches `pattern`."""
        # Every unit at most once and the largest first, by the pattern: "30m1h" or "1h1h" is more often a typing error.
        parts = {unit: int(number) for number, unit in re.findall(r"([0-9]+)([dhms])", text)}
        length = timedelta(
            days=parts.get("d", 0), hours=parts.get("h", 0), minutes=parts.get("m", 0), seconds=parts.get("s", 0)
        )
        if length > _LONGEST:
            raise refusal("policy_range", f"{text} is too long: at most {_LONGEST.days}d")
        self = super().__new__(cls, seconds=length.total_seconds())
        self.text = text
        return self

    @classmethod
    def of(cls, length: timedelta) -> Self:
        """Return `length`, rounded down to seconds, written the shortest way: 90 s is `1m30s`."""
        rest = int(length.total_seconds())
        text = ""
        for unit, seconds in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
            number, rest = divmod(rest, seconds)
            text += f"{number}{unit}" if number else ""
        return cls(text or "0s")


class Percent(Written, float):
    """A share: `5%` is 0.05. Never above 100%."""

    pattern = r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?%"
    expected = "a percentage such as 5% or 12.5%"

    def __new__(cls, text: str) -> Self:
        """Read `text`, which matches `pattern`."""
        share = float(Decimal(text[:-1]) / 100)  # in decimal: 57 % as 0.57, not as 57 hundredths of a binary float
        if share > 1:
            raise refusal("policy_inconsistent", f"{text} is more than the whole: at most 100%")
        self = super().__new__(cls, share)
        self.text = text
        return self


class Factor(Written, float):
    """A multiple: `3x` is three times as many."""

    pattern = r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,6})?x"
    expected = "a factor such as 3x or 1.5x"

    def __new__(cls, text: str) -> Self:
        """Read `text`, which matches `pattern`."""
        self = super().__new__(cls, float(text[:-1]))
        self.text = text
        return self


class Quantity(Written, Decimal):
    """An amount of a resource as Kubernetes writes it: `100m` CPU is 0.1 core. A plain number is accepted too."""

    pattern = r"([0-9]{1,18}(\.[0-9]{1,9})?)([num]|[kMGTPE]|[KMGTPE]i)?"
    expected = "a quantity such as 100m, 0.5 or 2"
    accepts = (str, int, float)
    or_number: ClassVar[dict[str, Any] | None] = {"type": "number", "minimum": 0}

    def __new__(cls, text: str) -> Self:
        """Read `text`, which matches `pattern`."""
        try:
            amount = parse_quantity(text)
        except InputError as error:
            raise refusal("policy_type", error.message) from error
        self = super().__new__(cls, amount)
        self.text = text
        return self

    def __format__(self, specifier: str, /) -> str:  # type: ignore[override]  # its context is for subclasses
        # Without a specifier a message shows what was written: "100m", not "0.100".
        return format(Decimal(self), specifier) if specifier else self.text


class Pods(Written):
    """Some of a set of pods: a number (`2`) or a share of it (`25%`)."""

    pattern = r"[1-9][0-9]{0,4}|(0|[1-9][0-9]{0,2})(\.[0-9]{1,6})?%"
    expected = "a number of pods such as 2, or a share such as 25%"
    accepts = (str, int)
    or_number: ClassVar[dict[str, Any] | None] = {"type": "integer", "minimum": 1, "maximum": MAX_REPLICAS}

    def __init__(self, text: str) -> None:
        """Read `text`, which matches `pattern`."""
        self.text = text
        self._share = Percent(text) if text.endswith("%") else None
        if self._share is not None and not self._share:
            raise refusal("policy_range", f"{text} selects no pods: write at least 1, or more than 0%")
        if self._share is None and int(text) > MAX_REPLICAS:
            raise refusal("policy_range", f"{text} pods are too many: at most {MAX_REPLICAS}")

    def of(self, whole: int) -> int:
        """Return how many pods of `whole` that is: rounded down, at least 1."""
        # At least 1, or a removal in steps of 25 % of three pods would never end.
        pods = int(self.text) if self._share is None else round_down(whole * self._share)
        return max(1, pods)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pods) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def _count(number: int) -> int:
    # Three errors with a code of their own each: what to do about them differs, and programs read the code.
    if number < 0:
        raise refusal("pods_negative", f"{shown(number)} is negative: 1 to {MAX_REPLICAS}")
    if number == 0:
        raise refusal("zero_refused", f"0 replicas are refused in this release: 1 to {MAX_REPLICAS}")
    if number > MAX_REPLICAS:
        raise refusal("pods_too_many", f"{shown(number)} is too many: 1 to {MAX_REPLICAS}")
    return number


Count = Annotated[
    int, AfterValidator(_count), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_REPLICAS})
]
"""A number of replicas."""


def between(low: str, high: str) -> AfterValidator:
    """Return the check that a duration lies in [low, high]."""
    shortest = Duration(low)
    longest = Duration(high)

    def check(value: Duration) -> Duration:
        if not shortest <= value <= longest:
            raise refusal("policy_range", f"{value} is out of range: {low} to {high}")
        return value

    return AfterValidator(check)


_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"


def dns_label(text: str) -> str:
    """Return `text` when it is an RFC 1123 label, what Kubernetes allows as a name.

    Raises:
        PydanticCustomError: it is not (`name_invalid`); the message shows characters outside ASCII as code points.
    """
    if re.fullmatch(_LABEL, text):
        return text
    raise _invalid(text, "a-z, 0-9 and '-', a letter or digit at both ends", LABEL_VALUE_LENGTH)


MAX_OBJECT_NAME = 242
"""The longest name of an object that is scaled: Kubernetes allows 253, and its Lease has `springtide-` before it."""

LABEL_VALUE_LENGTH = 63
"""The longest value of a label."""

_OBJECT = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"


def object_name(text: str) -> str:
    """Return `text` when it is an RFC 1123 subdomain, what Kubernetes allows as the name of a Deployment.

    Raises:
        PydanticCustomError: it is not (`name_invalid`); the message shows characters outside ASCII as code points.
    """
    # the length first: a pattern with two stars is slow on a text without end
    if len(text) <= MAX_OBJECT_NAME and re.fullmatch(_OBJECT, text):
        return text
    raise _invalid(text, "a-z, 0-9, '-' and '.', a letter or digit at both ends of each part", MAX_OBJECT_NAME)


def _invalid(text: str, allowed: str, longest: int) -> PydanticCustomError:
    # A Cyrillic letter or a non-breaking space looks right on the screen: only its code point tells.
    strange = sorted({f"U+{ord(char):04X}" for char in text[:_SHOWN] if not char.isascii() or not char.isprintable()})
    hint = f" (it contains {', '.join(strange[:5])})" if strange else ""
    message = f"{shown(text)} is not a valid name: {allowed}, at most {longest} characters{hint}"
    return refusal("name_invalid", message)


MAX_CLUSTER_NAME = 250
"""The longest name of a cluster: what Airflow takes as a connection's id."""

_CLUSTER = r"[A-Za-z0-9_][A-Za-z0-9_.:/@-]*"


def cluster_name(text: str) -> str:
    """Return `text` when it can be a connection's id and a kubeconfig's context.

    Raises:
        PydanticCustomError: it cannot (`name_invalid`); the message shows characters outside ASCII as code points.
    """
    if len(text) <= MAX_CLUSTER_NAME and re.fullmatch(_CLUSTER, text):
        return text
    raise _invalid(text, "letters, digits and '_.:/@-', a letter, digit or '_' first", MAX_CLUSTER_NAME)


ClusterName = Annotated[
    str,
    AfterValidator(cluster_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_CLUSTER}$", "maxLength": MAX_CLUSTER_NAME}),
]
"""What a cluster is called by whoever holds the way to it."""

Name = Annotated[str, AfterValidator(dns_label), WithJsonSchema({"type": "string", "pattern": f"^{_LABEL}$"})]
"""A name that Kubernetes takes for every kind of object: a DNS label."""

ObjectName = Annotated[
    str,
    AfterValidator(object_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_OBJECT}$", "maxLength": MAX_OBJECT_NAME}),
]
"""The name of a Deployment, which may have dots: a DNS subdomain."""


def _line(limit: int) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not text.strip():
            raise refusal("policy_range", "it is empty")
        if len(text) > limit:
            raise refusal("policy_range", f"{len(text)} characters are too many: at most {limit}")
        if not text.isprintable():
            raise refusal("policy_range", f"{shown(text)} contains a character that cannot be printed")
        return text

    return check


Line = Annotated[str, AfterValidator(_line(100)), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 100})]
"""One printable line for people: an owner, a unit."""


def _promql(text: str) -> str:
    if not text.strip():
        raise refusal("policy_range", "the query is empty: write PromQL that returns one series")
    if len(text) > 4096:  # noqa: PLR2004  # Prometheus is asked by GET; servers cut longer request lines
        raise refusal("policy_range", f"{len(text)} characters are too many: at most 4096")
    return text


PromQl = Annotated[str, AfterValidator(_promql), WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 4096})]
"""A PromQL expression that returns one series (a range) or one number (an instant)."""


def _url_path(text: str) -> str:
    # "//host/path" is a request to another host; "/go?to=http://host" is none: only what is before the query counts.
    if "://" in text.partition("?")[0] or text.startswith("//") or not text.startswith("/"):
        raise refusal(
            "url_not_allowed",
            "write the path alone, such as /healthz: requests go to the policy's own Service and nowhere else",
        )
    if len(text) > 1024 or not re.fullmatch(r"[!-~]+", text) or any(char in text for char in "\\#"):  # noqa: PLR2004
        raise refusal("url_not_allowed", "a path has at most 1024 printable ASCII characters, no space, '\\' or '#'")
    # Passed on by the API server, a path that climbs would be another object's of the API.
    if re.search(r"(?i)(?:^|/|%2f)(?:\.|%2e){2}(?:/|%2f|$)", text.partition("?")[0]):
        raise refusal("url_not_allowed", "a path does not climb: write it without the part '..'")
    return text


UrlPath = Annotated[
    str, AfterValidator(_url_path), WithJsonSchema({"type": "string", "pattern": r"^/(?!/)[!-~]*$", "maxLength": 1024})
]
"""The path (and query) of a request to the policy's own Service; never a host."""
