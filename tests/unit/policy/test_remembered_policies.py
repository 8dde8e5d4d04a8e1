"""Policies that are read once: what has changed is read again, and one that is broken takes no other with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from springtide.errors import PolicyError
from springtide.policy.reading import remembered as remembered_policies
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.reading.remembered import RememberedPolicies
from springtide.policy.scaling.model import ScalingPolicy
from support.builders import policy_text


@pytest.fixture
def folder(tmp_path: Path) -> PolicyFolder:
    path = tmp_path / "policies"
    path.mkdir()
    for name in ("checkout", "search"):
        (path / f"{name}.yaml").write_text(policy_text(name))
    return PolicyFolder(path)


def test_a_policy_that_has_not_changed_is_the_very_one_that_was_read(folder: PolicyFolder) -> None:
    remembered = RememberedPolicies()

    assert list(remembered.all(folder)) == ["checkout", "search"]
    assert remembered.all(folder)["checkout"] is remembered.all(folder)["checkout"]


def test_a_policy_that_has_changed_is_read_again_and_one_that_is_gone_is_gone(folder: PolicyFolder) -> None:
    remembered = RememberedPolicies()
    remembered.all(folder)
    (folder.path / "checkout.yaml").write_text(policy_text("checkout", replicas={"min": 2, "max": 77}))
    (folder.path / "search.yaml").unlink()

    (found,) = remembered.all(folder).values()

    assert isinstance(found, ScalingPolicy)
    assert found.spec.replicas.max == 77


def test_one_that_cannot_be_read_is_there_as_its_error_until_it_is_mended(folder: PolicyFolder) -> None:
    remembered = RememberedPolicies()
    (folder.path / "search.yaml").write_text("kind: Nonsense")

    found = remembered.all(folder)
    assert isinstance(found["search"], PolicyError)
    assert isinstance(found["checkout"], ScalingPolicy)

    (folder.path / "search.yaml").write_text(policy_text("search"))
    assert isinstance(remembered.all(folder)["search"], ScalingPolicy)


def test_two_files_of_one_name_are_told_and_not_chosen_between(folder: PolicyFolder) -> None:
    (folder.path / "search.yml").write_text(policy_text("search"))

    assert isinstance(RememberedPolicies().all(folder)["search"], PolicyError)


def test_a_calendar_that_has_changed_may_give_another_zone_so_all_are_read_again(folder: PolicyFolder) -> None:
    remembered = RememberedPolicies()
    first = remembered.all(folder)["checkout"]
    (folder.path.parent / "calendars").mkdir()
    (folder.path.parent / "calendars" / "sales.yaml").write_text("kind: EventCalendar")

    assert remembered.all(folder)["checkout"] is not first


def test_one_policy_is_read_when_it_has_changed_and_is_none_when_it_is_gone(folder: PolicyFolder) -> None:
    remembered = RememberedPolicies()
    first = remembered.one(folder, "checkout")

    assert remembered.one(folder, "checkout") is first
    assert remembered.all(folder)["checkout"] is first
    (folder.path / "checkout.yaml").write_text(policy_text("checkout", replicas={"min": 2, "max": 77}))
    changed = remembered.one(folder, "checkout")
    assert isinstance(changed, ScalingPolicy)
    assert changed.spec.replicas.max == 77
    (folder.path / "checkout.yaml").unlink()
    assert remembered.one(folder, "checkout") is None


def test_one_policy_asks_for_no_other_s_file(folder: PolicyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    remembered = RememberedPolicies()
    asked: list[str] = []

    def of_file(path: Path) -> tuple[str, int, int, int]:
        asked.append(path.name)
        return path.name, 0, 0, 0

    monkeypatch.setattr(remembered_policies, "_of_file", of_file)

    remembered.one(folder, "checkout")

    assert asked == ["checkout.yaml"]


def test_one_policy_of_two_files_is_its_error(folder: PolicyFolder) -> None:
    (folder.path / "search.yml").write_text(policy_text("search"))

    assert isinstance(RememberedPolicies().one(folder, "search"), PolicyError)


def test_one_policy_of_a_folder_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="folder of policies"):
        RememberedPolicies().one(PolicyFolder(tmp_path / "none"), "checkout")


def test_a_calendar_that_has_changed_may_give_one_policy_another_zone(folder: PolicyFolder) -> None:
    remembered = RememberedPolicies()
    first = remembered.one(folder, "checkout")
    (folder.path.parent / "calendars").mkdir()
    (folder.path.parent / "calendars" / "sales.yaml").write_text("kind: EventCalendar")

    assert remembered.one(folder, "checkout") is not first


def test_what_is_not_read_within_its_time_is_told_and_read_behind_whoever_asked(folder: PolicyFolder) -> None:
    remembered = RememberedPolicies(within_seconds=0)

    found = remembered.all(folder)
    assert {getattr(each, "code", "") for each in found.values()} == {"policy_not_read_yet"}

    reading = remembered._reading
    assert reading is not None
    reading.join(timeout=20)
    assert all(isinstance(each, ScalingPolicy) for each in remembered.all(folder).values())


def test_one_policy_is_read_at_once_whatever_others_wait_for(folder: PolicyFolder) -> None:
    remembered = RememberedPolicies(within_seconds=0)

    assert isinstance(remembered.one(folder, "search"), ScalingPolicy)
    assert remembered.one(folder, "nothing") is None


def test_a_folder_that_cannot_be_read_is_an_error_and_no_empty_page(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        RememberedPolicies().all(PolicyFolder(tmp_path / "nowhere"))
