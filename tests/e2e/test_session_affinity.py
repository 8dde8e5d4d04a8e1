"""A Service that keeps each client at one pod: a switch moves the client, and not one of its requests fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.manifests import NAME

if TYPE_CHECKING:
    from e2e.stages import Given

SIZES = [pytest.param(3, 6, id="3to6"), pytest.param(6, 3, id="6to3")]


@pytest.mark.real_cluster
@pytest.mark.parametrize("strategy", ["blue_green", "in_place"])
@pytest.mark.parametrize(("current", "target"), SIZES)
def test_a_client_is_moved_without_a_failed_request(given: Given, strategy: str, current: int, target: int) -> None:
    given.web(replicas=current).scenario.see.patch("services", NAME, {"spec": {"sessionAffinity": "ClientIP"}})

    then = given.under_load().is_scaled(to=target, by=strategy)

    then.it_succeeded().exactly(target).the_service_as_before().no_request_failed()
