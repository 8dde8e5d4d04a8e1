"""A Service that keeps each client at one pod: a switch moves the client, and not one of its requests fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from e2e.live_load import answering_pods
from e2e.manifests import NAME, PORT

if TYPE_CHECKING:
    from e2e.stages import Given


@pytest.mark.real_cluster
def test_a_client_is_moved_to_another_pod_without_a_failed_request(given: Given) -> None:
    see = given.web(replicas=3).scenario.see
    service = see.patch("services", NAME, {"spec": {"sessionAffinity": "ClientIP"}})
    url = f"http://{service['spec']['clusterIP']}:{PORT}/"
    # A proxy learns of the change a little later: until then each request goes wherever it likes.
    see.until("one pod alone answers", lambda: len(answering_pods(url) - {None}) == 1)

    then = given.under_load().is_scaled(to=6, by="blue_green")

    then.it_succeeded().exactly(6).only_new_pods().the_service_as_before().no_request_failed()
    (fresh, _) = then.reports
    assert len(fresh.pods) == 2, fresh.raw  # one before the switch, one after it
