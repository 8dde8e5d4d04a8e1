"""The environment as one value: defaults, what is empty, passwords that are not shown, and the page about it."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from springtide.cli.configuration_page import refreshed
from springtide.settings import Settings, variable_name, variables

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "configuration.md"


@pytest.mark.parametrize("environment", [{}, {"SPRINGTIDE_STORE_URL": "", "SPRINGTIDE_METRICS_DIRECTORY": ""}])
def test_unset_and_empty_variables_leave_the_defaults(environment: dict[str, str]) -> None:
    settings = Settings.from_environment(environment)

    assert (settings.store_url, settings.metrics_directory) == ("sqlite:///.springtide/runs.db", None)


def test_variables_that_are_set_are_taken() -> None:
    environment = {"SPRINGTIDE_STORE_URL": "postgresql://host/runs", "SPRINGTIDE_METRICS_DIRECTORY": "/metrics"}

    settings = Settings.from_environment(environment)

    assert (settings.store_url, settings.metrics_directory) == ("postgresql://host/runs", Path("/metrics"))


@pytest.mark.parametrize("setting", variables())
def test_every_variable_reaches_its_setting(setting: str) -> None:
    settings = Settings.from_environment({variable_name(setting): "told"})

    assert str(getattr(settings, setting)) == "told"


def test_every_setting_has_a_variable_or_comes_from_elsewhere() -> None:
    elsewhere = {"home", "calendars_named", "database_urls", "feed_urls"}
    assert {each.name for each in fields(Settings)} - set(variables()) == elsewhere


def test_names_stand_once_and_meanings_are_sentences() -> None:
    names = [variable.name for variable in variables().values()]

    assert len(set(names)) == len(names)
    assert all(variable.meaning.endswith(".") for variable in variables().values())


def test_files_of_its_own_lie_in_its_home_and_what_people_write_in_the_base() -> None:
    settings = Settings.from_environment({}, home=Path("/airflow/springtide"), base=Path("/project"))

    assert settings.store_url == "sqlite:////airflow/springtide/runs.db"
    assert settings.known_events == Path("/airflow/springtide/known-events.json")
    assert settings.demand_cache == Path("/airflow/springtide/demand")
    assert (settings.policies, settings.calendars) == (Path("/project/policies"), Path("/project/calendars"))


@pytest.mark.parametrize(("value", "is_named"), [(None, False), ("", False), ("calendars", True)])
def test_a_folder_of_calendars_is_named_where_its_variable_says_anything(value: str | None, *, is_named: bool) -> None:
    environment = {} if value is None else {"SPRINGTIDE_CALENDARS": value}

    assert Settings.from_environment(environment).calendars_named is is_named


def test_a_place_may_have_braces_in_its_name() -> None:
    assert Settings.from_environment({}, home=Path("{home}")).pages == Path("{home}/pages")


@pytest.mark.parametrize("connection", ["orders-db", "orders_db", "Orders.DB"])
def test_a_database_is_found_by_the_name_of_its_connection(connection: str) -> None:
    settings = Settings.from_environment({"SPRINGTIDE_DATABASE_ORDERS_DB": "postgresql://db/orders"})

    assert settings.database_url(connection) == "postgresql://db/orders"


@pytest.mark.parametrize("environment", [{}, {"SPRINGTIDE_DATABASE_ORDERS_DB": ""}])
def test_a_database_that_nobody_named_has_no_address(environment: dict[str, str]) -> None:
    assert Settings.from_environment(environment).database_url("orders-db") is None


def test_no_password_is_shown() -> None:
    secrets = {
        "SPRINGTIDE_STORE_URL": "postgresql://me:hidden@host/runs",
        "SPRINGTIDE_AIRFLOW_TOKEN": "hidden",
        "SPRINGTIDE_AIRFLOW_PASSWORD": "hidden",
        "SPRINGTIDE_DATABASE_ORDERS": "postgresql://me:hidden@host/orders",
    }

    assert "hidden" not in repr(Settings.from_environment(secrets))


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings.from_environment({}).pool = "other"  # type: ignore[misc]


class TestPage:
    def test_the_committed_one_is_current(self) -> None:
        """`python -m springtide.cli.configuration_page docs/configuration.md` brings it up to date."""
        assert refreshed(PAGE.read_text()) == PAGE.read_text()

    def test_it_names_every_variable_with_its_default(self) -> None:
        rows = {line.split("`")[1]: line for line in PAGE.read_text().splitlines() if line.startswith("| `SPRING")}

        assert list(rows) == [variable.name for variable in variables().values()]
        assert "`*/15 * * * *`" in rows["SPRINGTIDE_SWEEP_CRON"]
        assert "`sqlite:///$AIRFLOW_HOME/springtide/runs.db`" in rows["SPRINGTIDE_STORE_URL"]

    def test_a_page_without_a_place_for_a_table_is_told(self) -> None:
        with pytest.raises(ValueError, match="read by Airflow alone -->' and '<!-- end of table -->' once, and has"):
            refreshed(PAGE.read_text().replace("variables read by Airflow alone", "gone"))
