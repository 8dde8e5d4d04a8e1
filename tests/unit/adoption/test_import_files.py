"""Manifests as they lie about: several documents in a file, lists, folders, and files that are damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from springtide.adoption.documents import Writing, write
from springtide.adoption.files import MAX_BYTES, read_manifests
from springtide.adoption.remarks import Standing
from springtide.errors import InputError

ONE = "apiVersion: v1\nkind: Service\nmetadata: {name: one, namespace: shop}\n"
TWO = "apiVersion: v1\nkind: Service\nmetadata: {name: two}\n"


def titles(*places: Path) -> list[str]:
    return [each.title for each in read_manifests(places).objects]


def told(place: Path) -> list[str]:
    return [str(remark) for remark in read_manifests([place]).remarks]


def test_every_document_of_a_file_counts(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(f"---\n{ONE}---\n---\n{TWO}")

    assert titles(tmp_path / "all.yaml") == ["Service shop/one", "Service default/two"]


@pytest.mark.parametrize("kind", ["List", "ServiceList"])
def test_a_list_is_its_items(tmp_path: Path, kind: str) -> None:
    items = [{"kind": "Service", "metadata": {"name": "one"}}, {"metadata": {"name": "two"}}]
    expected = ["Service default/one", "Service default/two"] if kind == "ServiceList" else ["Service default/one"]
    (tmp_path / "list.json").write_text(json.dumps({"apiVersion": "v1", "kind": kind, "items": items}))

    assert titles(tmp_path / "list.json") == expected


def test_folders_are_searched_to_their_ends(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "one.yml").write_text(ONE)
    (tmp_path / "notes.txt").write_text("no manifest")

    assert titles(tmp_path) == ["Service shop/one"]


@pytest.mark.parametrize(("content", "said"), [
    (f"{ONE}---\n  name: {{{{ .Release.Name }}}}\n x", "from here on it is no YAML that can be read"),
    (f"{ONE}---\nreplicas: 3\n", "it has no kind or no name"),
    (f"{ONE}---\njust text\n", "it has no kind or no name"),
])  # fmt: skip
def test_what_is_damaged_is_told_and_takes_nothing_else_with_it(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "a.yaml").write_text(content)
    (tmp_path / "b.yaml").write_text(TWO)

    assert titles(tmp_path) == ["Service shop/one", "Service default/two"]
    assert any(said in line and "a.yaml" in line for line in told(tmp_path))


@pytest.mark.parametrize(("field", "document"), [
    ("metadata.name", "kind: Service\nmetadata: {name: '{{ .Release.Name }}-web'}\n"),
    ("metadata.namespace", "kind: Service\nmetadata: {name: web, namespace: My_Shop}\n"),
    ("scaleTargetRef.name", "kind: ScaledObject\nmetadata: {name: web}\nspec: {scaleTargetRef: {name: $(NAME)}}\n"),
])  # fmt: skip
def test_a_template_that_is_not_rendered_is_told_by_its_names(tmp_path: Path, field: str, document: str) -> None:
    (tmp_path / "a.yaml").write_text(document)

    reading = read_manifests([tmp_path])

    assert (reading.objects, [remark.field for remark in reading.remarks]) == ((), [field])


def test_a_file_that_is_too_large_or_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_text("#" * (MAX_BYTES + 1))
    (tmp_path / "latin.yaml").write_bytes(b"name: Caf\xe9\n")

    large, latin = told(tmp_path)

    assert "split it" in large
    assert "it is not UTF-8" in latin


def test_an_alias_makes_nothing_large(tmp_path: Path) -> None:
    bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    bomb += "".join(
        f"{after}: &{after} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, after in zip("abcdefgh", "bcdefghi", strict=True)
    )
    document = f"apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: web}}\n{bomb}spec: {{x: *i}}\n"
    (tmp_path / "bomb.yaml").write_text(document)

    (found,) = read_manifests([tmp_path]).objects

    assert len(found.remark(standing=Standing.NO_EQUAL, field="x", value=found.spec["x"], advice="").value) <= 120


@pytest.mark.parametrize("name", ["missing.yaml", "empty"])
def test_a_place_without_manifests_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(InputError) as refused:
        read_manifests([tmp_path / name])

    assert (refused.value.code, name in refused.value.message) == ("path_not_found", True)


class TestWriting:
    def test_makes_the_folders_and_says_what_became_of_each_file(self, tmp_path: Path) -> None:
        written = write(tmp_path / "new", {"policies/web.yaml": "a\n"}, replace=False)

        assert [(each.path, each.writing) for each in written] == [
            (tmp_path / "new" / "policies" / "web.yaml", Writing.WRITTEN)
        ]
        assert (tmp_path / "new" / "policies" / "web.yaml").read_text() == "a\n"

    def test_of_the_same_again_changes_nothing(self, tmp_path: Path) -> None:
        write(tmp_path, {"web.yaml": "a\n"}, replace=False)

        assert write(tmp_path, {"web.yaml": "a\n"}, replace=False)[0].writing is Writing.UNCHANGED

    def test_over_something_else_is_refused_as_a_whole(self, tmp_path: Path) -> None:
        (tmp_path / "web.yaml").write_text("mine\n")

        with pytest.raises(InputError) as refused:
            write(tmp_path, {"api.yaml": "a\n", "web.yaml": "b\n"}, replace=False)

        assert (refused.value.code, str(tmp_path / "web.yaml") in refused.value.message) == ("file_exists", True)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["web.yaml"]
        assert (tmp_path / "web.yaml").read_text() == "mine\n"

    def test_over_something_else_is_done_on_request_and_told(self, tmp_path: Path) -> None:
        (tmp_path / "web.yaml").write_text("mine\n")

        assert write(tmp_path, {"web.yaml": "b\n"}, replace=True)[0].writing is Writing.REPLACED
        assert (tmp_path / "web.yaml").read_text() == "b\n"
