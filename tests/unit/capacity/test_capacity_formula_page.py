"""docs/capacity-formula.md: every number on the page is computed here, and no other stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from springtide.capacity.weighted_demand import WeightedDemand
from springtide.policy.scaling.capacity import WeightedDemandSpec
from springtide.quantities import format_milli, parse_quantity, round_up

PAGE = (Path(__file__).parents[3] / "docs" / "capacity-formula.md").read_text()

M = float(parse_quantity("100m"))
L = float(parse_quantity("200m"))
W = (0.1, 0.3, 0.2, 0.1, 0.1)
N = len(W)
Q = 7
STATED = float(parse_quantity("9300m"))
S_MAX = N + Q
USED = L * sum(W)
MODEL = WeightedDemand(request=M, limit=L, max_replicas=S_MAX, growth=Q)
NEEDS = MODEL.needs(USED, replicas=N)
NOW_ONLY = WeightedDemand(request=M, limit=L, max_replicas=S_MAX).needs(USED, replicas=N)
RESERVED = WeightedDemand(request=M, limit=L, max_replicas=S_MAX, growth=Q, reserve=0.2).needs(USED, replicas=N)


def worked(weight: float) -> tuple[float, float, float]:
    """Return the three terms of the article's worked line, in cores."""
    return 2 * (N + Q) * weight, Q * (1 - max(W)), Q / N * (L - M)


def cells(*values: object) -> str:
    """Return a row of a table as the page has it."""
    return "| " + " | ".join(str(value) for value in values) + " |"


def shown(number: float) -> str:
    """Return a number as the page writes it."""
    return f"{number:,.2f}".rstrip("0").rstrip(".")


@pytest.mark.parametrize(
    "line",
    [
        cells("M·L", "cores²", shown(M * L), shown(M * 1000 * L * 1000)),
        cells("N·ΣW", "pods", shown(N * sum(W)), shown(N * sum(W))),
        cells("Q·S_max", "pods²", Q * S_MAX, Q * S_MAX),
        cells("C", "none that makes sense", shown(MODEL.literal(USED, replicas=N)), "20,088"),
        *[
            cells(name, shown(a), shown(b), shown(c), format_milli(a + b + c))
            for name, (a, b, c) in {
                "the smallest, 0.1": worked(min(W)),
                "the mean, 0.16": worked(sum(W) / N),
                "the largest, 0.3": worked(max(W)),
                "the sum, 0.8": worked(sum(W)),
            }.items()
        ],
        f"ΣW = {shown(sum(W))} and mean(W) = ΣW ÷ N = {shown(sum(W) / N)}",
        f"used now = L·ΣW = {format_milli(USED)}",
        f"all {S_MAX} pods of the future, each at its limit, can use {format_milli(S_MAX * L)} and not more",
        f"9300m is {STATED / USED:.0f} times what is used, and {STATED / (S_MAX * L):.1f} times what the pods",
        f'"about {STATED / M:.0f} pods"',
        f"= 5 · 0.16 · 200m  = {format_milli(NEEDS.used)}",
        f"= 7 · 0.16 · 200m  = {format_milli(NEEDS.growth)}",
        f"needed   = used + growth + reserve         = {format_milli(NEEDS.needed)}",
        f"= 384m ÷ (200m · 0.7) = {NEEDS.replicas:.3f}",
        f"= 160m ÷ 100m = {NEEDS.request_floor:g}",
        f"at most S_max = {round_up(NEEDS.replicas)}",
        f"With 200m, {format_milli(RESERVED.needed)} are needed: {round_up(RESERVED.replicas)} replicas",
        f"would ask for {USED / (L * 0.7):.3f} replicas and the floor for {NOW_ONLY.request_floor:g}",
        f"both mean {round_up(NOW_ONLY.replicas)} replicas",
        f"today's demand needs {round_up(NOW_ONLY.replicas)} replicas, demand with the article's growth",
        f"growth needs {round_up(NEEDS.replicas)}, and {N} are running. {STATED / M:.0f} are never needed",
    ],
)
def test_the_page_says_what_is_computed(line: str) -> None:
    assert " ".join(line.split()) in " ".join(PAGE.split())


def test_the_literal_formula_changes_with_the_unit() -> None:
    milli = WeightedDemand(request=M * 1000, limit=L * 1000, max_replicas=S_MAX, growth=Q)

    assert shown(milli.literal(USED * 1000, replicas=N)) == "20,088"
    assert shown(MODEL.literal(USED, replicas=N)) == "88.02"


def test_no_plain_reading_gives_what_the_article_states() -> None:
    readings = [sum(worked(weight)) for weight in (min(W), sum(W) / N, max(W), sum(W))]

    assert min(abs(reading - STATED) for reading in readings) > 0.04 * STATED


def test_no_other_number_stands_on_the_page() -> None:
    known = {
        "100m", "200m", "0.1", "0.3", "0.2", "5", "7", "12", "0.8", "0.16", "0.02", "20,000", "4", "84", "88.02",
        "20,088", "9300m", "93", "2", "1", "2.4", "3.84", "7.2", "19.2", "4.9", "0.14", "7440m", "8880m", "12240m",
        "24240m", "160m", "2400m", "58", "3.9", "224m", "384m", "2.743", "1.6", "3", "0", "584m", "0.7", "1.143",
    }  # fmt: skip
    text = PAGE.replace("[5m]", "")  # the window of the PromQL example
    number = r"(?<![\w.])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?m?(?!\w)"

    assert set(re.findall(number, text)) - known == set()


def test_the_defaults_of_the_page_are_those_of_the_policy() -> None:
    fields = WeightedDemandSpec.model_fields

    assert (fields["target"].default, fields["growth"].default, str(fields["reserve"].default)) == (0.7, 0, "0")
