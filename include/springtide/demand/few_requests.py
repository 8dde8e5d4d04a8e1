"""Many questions by one request: what becomes of one that is refused, and when to stop asking in this way."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import structlog

from springtide.demand.asking import RangeQuestion
from springtide.demand.connection import post_range
from springtide.demand.tagged import Series, is_plain, tagged, untagged
from springtide.errors import DemandUnavailable, DemandUnusable

log = structlog.get_logger(__name__)

_EVALUATION_SECONDS: Final = 5
"""For all queries of a request, which the server takes one after the other: slow ones are faster side by side."""

_READ_SECONDS: Final = _EVALUATION_SECONDS + 2.0

_REFUSALS: Final = 7
"""A whole, its halves and its quarters."""

_Who = TypeVar("_Who")


def asked_at_once(questions: Sequence[RangeQuestion]) -> list[list[Series]]:
    """Return the series of each of `questions`, which are beside each other, by one request. It is sent once.

    Raises:
        DemandUnavailable: no whole answer came in time.
        DemandUnusable: the request was refused, or the answer is none to it.
    """
    queries = [question.query for question in questions]
    whole = replace(questions[0], query=tagged(queries))
    form = {**whole.form, "timeout": f"{_EVALUATION_SECONDS}s"}
    return untagged(post_range(whole.address, form, read_seconds=_READ_SECONDS), queries)


class FewRequests:
    """Asks for up to `most` questions by one request: fewer after no answer came, and one where that only fails."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._answered = 0
        self._refused = 0
        self._silences = 0

    def answers(self, questions: Mapping[_Who, RangeQuestion]) -> dict[_Who, list[Series]]:
        """Return what may be used of the answers to `questions`, which are beside each other; the rest is asked alone.

        A request that is refused is asked for again by halves, so that one wrong query does not take the others along.
        """
        found: dict[_Who, list[Series]] = {}
        pieces = deque([list(questions.items())])
        while pieces and self.most > 1:
            piece = pieces.popleft()
            if len(piece) == 1:
                continue
            half = len(piece) // 2
            try:
                answers = asked_at_once([question for _, question in piece])
            except DemandUnusable as error:
                self._is_refused(error, len(piece))
                pieces += [piece[:half], piece[half:]]
            except DemandUnavailable as error:
                self._is_unanswered(error, len(piece))
            else:
                self._answered += 1
                found |= {who: series for (who, _), series in zip(piece, answers, strict=True) if is_plain(series)}
        return found

    def _is_refused(self, error: DemandUnusable, number: int) -> None:
        """Count a refusal: where the halves are refused as well, it is not one query."""
        self._refused += 1
        log.info("demand_refused_together", services=number, message=error.message)
        if error.code == "demand_clock" or self._refused >= _REFUSALS + 2 * self._answered:
            self._stop(error.message)

    def _is_unanswered(self, error: DemandUnavailable, number: int) -> None:
        """Count that no answer came: the next requests are smaller, and after a second time there are none."""
        self._silences += 1
        self.most = max(1, self.most // 4)
        log.info("demand_unanswered_together", services=number, message=error.message)
        if self._silences > 1:
            self._stop(error.message)

    def _stop(self, why: str) -> None:
        self.most = 1
        log.warning("demand_asked_one_by_one", message=why)
