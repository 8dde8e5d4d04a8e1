"""The migrations say what the tables say, on every database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from springtide.errors import InputError
from springtide.record import schema
from springtide.record.database import engine_for, writing
from springtide.record.sql import open_store
from springtide.record.tables import Base


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    sqlite = engine_for(url)
    yield sqlite
    sqlite.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_the_migrations_make_what_the_models_say(engine: Engine) -> None:
    schema.ensure(engine)

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": schema.VERSION_TABLE, "compare_server_default": True}
        )
        assert compare_metadata(context, Base.metadata) == []
    assert tables(engine) == {*Base.metadata.tables, schema.VERSION_TABLE}


def test_the_newest_revision_is_the_one_that_opening_asks_for() -> None:
    assert ScriptDirectory.from_config(schema.config()).get_heads() == [schema.HEAD]


def test_every_migration_can_be_taken_back_and_made_again(engine: Engine) -> None:
    schema.ensure(engine)
    with writing(engine) as connection:
        schema.downgrade(connection, "base")
    assert tables(engine) == {schema.VERSION_TABLE}

    schema.ensure(engine)
    assert tables(engine) == {*Base.metadata.tables, schema.VERSION_TABLE}


def test_a_migration_that_fails_leaves_nothing(engine: Engine) -> None:
    def fail() -> None:
        with writing(engine) as connection:
            schema.upgrade(connection)
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()

    assert tables(engine) == set()


def test_a_store_of_a_later_springtide_is_refused_and_left_alone(engine: Engine, url: str) -> None:
    schema.ensure(engine)
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))

    with pytest.raises(InputError, match="revision 9999, and the newest that this springtide knows is") as refused:
        open_store(url)

    assert refused.value.code == "store_newer"
    with engine.connect() as connection:
        assert schema.revision(connection) == "9999"
