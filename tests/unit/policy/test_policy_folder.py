"""A folder of policies is read in one way, whatever its files end with; a wrong name is answered with all names."""

from __future__ import annotations

from pathlib import Path

import pytest

from springtide.errors import InputError, PolicyError
from springtide.policy.reading.folder import PolicyFolder
from support.builders import policy_text


def write(folder: Path, *files: str) -> PolicyFolder:
    """Return `folder` with a policy in each of `files`, all for workloads of their own."""
    for file in files:
        name = file.rpartition(".")[0]
        text = policy_text(name, target={"namespace": "shop", "deployment": name, "service": name})
        (folder / file).write_text(text)
    return PolicyFolder(folder)


def test_both_endings_are_policies_to_every_question(tmp_path: Path) -> None:
    folder = write(tmp_path, "checkout.yaml", "search.yml")

    assert folder.names() == ["checkout", "search"]
    assert [folder.get(name).name for name in folder.names()] == ["checkout", "search"]
    assert list(folder.all()) == ["checkout", "search"]
    assert [policy.name for policy in folder.readable()[0]] == ["checkout", "search"]


class TestTheModeOfTheInstallation:
    @pytest.mark.parametrize(
        ("installation", "own", "advises"),
        [("advise", None, True), ("act", None, False), ("advise", "act", False), ("act", "advise", True)],
    )
    def test_counts_where_a_policy_names_none(
        self, tmp_path: Path, installation: str, own: str | None, *, advises: bool
    ) -> None:
        mode = {} if own is None else {"mode": own}
        (tmp_path / "web.yaml").write_text(policy_text("web", **mode))
        folder = PolicyFolder(tmp_path, None, installation)

        found = [folder.get("web"), folder.all()["web"], folder.readable()[0][0]]

        assert [policy.spec.advises for policy in found] == [advises] * 3

    def test_that_is_none_lets_nothing_act(self, tmp_path: Path) -> None:
        write(tmp_path, "web.yaml")

        with pytest.raises(InputError, match="SPRINGTIDE_MODE: 'advice' is neither act nor advise") as refused:
            PolicyFolder(tmp_path, None, "advice").get("web")

        assert refused.value.code == "mode_invalid"


class TestTwoFilesOfOneName:
    def test_are_one_name(self, tmp_path: Path) -> None:
        assert write(tmp_path, "web.yaml", "web.yml").names() == ["web"]

    def test_are_an_error_that_names_both(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyError, match=r"web\.yaml and web\.yml hold one policy") as refused:
            write(tmp_path, "web.yaml", "web.yml").get("web")

        assert refused.value.code == "policy_duplicate_name"

    def test_take_no_other_policy_with_them(self, tmp_path: Path) -> None:
        policies, errors = write(tmp_path, "web.yaml", "web.yml", "search.yaml").readable()

        assert [policy.name for policy in policies] == ["search"]
        assert [(error.code, Path(error.file).name) for error in errors] == [("policy_duplicate_name", "web.yml")]


class TestNames:
    def test_are_those_of_files_that_nobody_opened(self, tmp_path: Path) -> None:
        (tmp_path / "broken.yaml").write_text("spec: [")

        assert PolicyFolder(tmp_path).names() == ["broken"]

    def test_leave_out_what_is_no_policy_s(self, tmp_path: Path) -> None:
        for name in ("README.md", "Web.yaml", "..2026_11_11.yaml", "a b.yml", "web.json"):
            (tmp_path / name).touch()

        assert PolicyFolder(tmp_path).names() == []

    def test_of_a_folder_that_is_not_there_are_none(self, tmp_path: Path) -> None:
        assert PolicyFolder(tmp_path / "none").names() == []


class TestWrongNames:
    def test_are_answered_with_all_and_the_nearest(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as refused:
            write(tmp_path, "checkout.yaml", "search.yml").get("chekout")

        assert "(did you mean checkout?); there are: checkout, search." in refused.value.message

    def test_without_a_near_one_are_answered_with_all(self, tmp_path: Path) -> None:
        with pytest.raises(InputError) as refused:
            write(tmp_path, "checkout.yaml").get("zzz")

        assert "did you mean" not in refused.value.message
        assert "there are: checkout." in refused.value.message

    def test_in_an_empty_folder_say_which_folder_that_is(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=f"there are: none, {tmp_path} holds no policy file"):
            PolicyFolder(tmp_path).get("web")

    @pytest.mark.parametrize("name", ["../web", "", "Web", "a/b", "web\n", "{{ x }}", "web.yaml", None, ["web"], 7])
    def test_never_become_a_path(self, name: object, tmp_path: Path) -> None:
        with pytest.raises(InputError) as refused:
            write(tmp_path, "web.yaml").get(name)

        assert (refused.value.code, refused.value.field) == ("service_unknown", "service")


def test_broken_files_stand_in_the_way_of_all_and_of_nothing_else(tmp_path: Path) -> None:
    folder = write(tmp_path, "web.yaml")
    (tmp_path / "broken.yml").write_text("spec: [")

    assert folder.get("web").name == "web"
    assert [policy.name for policy in folder.readable()[0]] == ["web"]
    assert [Path(error.file).name for error in folder.readable()[1]] == ["broken.yml"]
    with pytest.raises(PolicyError, match=r"broken\.yml"):
        folder.all()


def test_an_order_after_a_policy_that_cannot_be_read_is_no_second_error(tmp_path: Path) -> None:
    folder = write(tmp_path, "web.yaml")
    text = (tmp_path / "web.yaml").read_text()
    (tmp_path / "web.yaml").write_text(policy_text("web", after=["broken"]))
    (tmp_path / "broken.yaml").write_text("spec: [")

    assert text != (tmp_path / "web.yaml").read_text()
    with pytest.raises(PolicyError) as refused:
        folder.all()
    assert {Path(error.file).name for error in refused.value.violations} == {"broken.yaml"}


DEMAND = {"source": "prometheus", "query": "x", "unit": "requests/s"}


class TestWhoseClocks:
    @staticmethod
    def folder(root: Path, **demand: str) -> PolicyFolder:
        """Return a folder of policies with `web` in it, and a folder of calendars beside it."""
        policies = root / "policies"
        policies.mkdir()
        (root / "calendars").mkdir()
        (policies / "web.yaml").write_text(policy_text("web", demand={**DEMAND, **demand}))
        return PolicyFolder(policies)

    @staticmethod
    def calendar(root: Path, name: str, zone: str, service: str = "web") -> None:
        event = (
            f"{{name: sale, start: 2026-12-01T00:00, end: 2026-12-02T00:00, services: {{{service}: {{replicas: 3}}}}}}"
        )
        head = f"apiVersion: springtide/v1\nkind: EventCalendar\nmetadata: {{name: {name}, owner: shop}}\n"
        (root / "calendars" / f"{name}.yaml").write_text(f"{head}spec:\n  timezone: {zone}\n  events: [{event}]\n")

    @staticmethod
    def zone(folder: PolicyFolder) -> str | None:
        zones = {
            policy.spec.demand.timezone for policy in (folder.get("web"), folder.all()["web"]) if policy.spec.demand
        }
        (zone,) = zones
        return zone

    def test_are_those_that_the_policy_names(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path, timezone="Asia/Shanghai")
        self.calendar(tmp_path, "sales", "Europe/Berlin")

        assert self.zone(folder) == "Asia/Shanghai"

    def test_else_those_of_the_calendars_with_its_events(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        self.calendar(tmp_path, "sales", "Europe/Berlin")
        self.calendar(tmp_path, "fixtures", "Europe/Berlin")
        self.calendar(tmp_path, "others", "Asia/Shanghai", service="search")

        assert self.zone(folder) == "Europe/Berlin"

    def test_are_nobody_s_where_calendars_do_not_agree(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        self.calendar(tmp_path, "sales", "Europe/Berlin")
        self.calendar(tmp_path, "fixtures", "America/New_York")

        assert self.zone(folder) is None

    def test_are_those_of_a_calendar_whose_events_are_broken(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        self.calendar(tmp_path, "sales", "Europe/Berlin")
        file = tmp_path / "calendars" / "sales.yaml"
        file.write_text(file.read_text().replace("2026-12-02T00:00", "tomorrow"))
        (tmp_path / "calendars" / "broken.yaml").write_text("spec: [")

        assert self.zone(folder) == "Europe/Berlin"

    @pytest.mark.parametrize("zone", ["Mars/Olympus", "[]", "localtime"])
    def test_a_zone_that_there_is_not_is_nobody_s(self, tmp_path: Path, zone: str) -> None:
        folder = self.folder(tmp_path)
        self.calendar(tmp_path, "sales", zone)

        assert self.zone(folder) is None

    def test_change_with_the_calendar(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        self.calendar(tmp_path, "sales", "Europe/Berlin")
        before = self.zone(folder)
        self.calendar(tmp_path, "sales", "America/New_York")

        assert (before, self.zone(folder)) == ("Europe/Berlin", "America/New_York")

    def test_lie_where_the_folder_is_told(self, tmp_path: Path) -> None:
        folder = self.folder(tmp_path)
        elsewhere = tmp_path / "elsewhere"
        (elsewhere / "calendars").mkdir(parents=True)
        self.calendar(elsewhere, "sales", "Europe/Berlin")

        assert self.zone(folder) is None
        assert self.zone(PolicyFolder(folder.path, elsewhere / "calendars")) == "Europe/Berlin"
