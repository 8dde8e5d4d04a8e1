"""What is scaled, and the names in the cluster that follow from it."""

from __future__ import annotations

from springtide.workload import Workload

CHECKOUT = Workload(namespace="shop", deployment="checkout", service="checkout-http")


def test_its_lease_has_its_name() -> None:
    assert CHECKOUT.lease_name == "springtide-checkout"


def test_people_read_it_as_namespace_and_deployment() -> None:
    assert str(CHECKOUT) == "shop/checkout"


def test_it_is_stored_under_the_names_of_its_fields() -> None:
    record = {"namespace": "shop", "deployment": "checkout", "service": "checkout-http", "kind": "deployment"}

    assert CHECKOUT.to_record() == record
    assert Workload.from_record(record) == CHECKOUT


def test_what_was_stored_before_there_were_other_kinds_is_a_deployment() -> None:
    record = {"namespace": "shop", "deployment": "checkout", "service": "checkout-http"}

    assert Workload.from_record(record) == CHECKOUT
