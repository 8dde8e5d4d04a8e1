"""Files: every error at once, with its line; nothing executed, nothing expanded, nothing endless."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.errors import InputError, PolicyError
from springtide.policy.reading.document import MAX_BYTES
from springtide.policy.reading.folder import PolicyFolder
from springtide.policy.reading.parse import load_policy
from springtide.policy.scaling.model import ScalingPolicy

GOLDEN = Path(__file__).parents[2] / "golden" / "policies"
VALID = sorted(GOLDEN.glob("valid/*.yaml"))
INVALID = sorted(GOLDEN.glob("invalid/*/*.yaml"))
POLICY = (GOLDEN / "valid" / "fixed-only.yaml").read_text()


def errors(path: Path) -> str:
    """Return what is wrong with `path`, one error a line, without the folders before its name."""
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    return str(caught.value).replace(str(path), path.name) + "\n"


def folder(place: Path, *names: str, **texts: str) -> Path:
    """Return `place` with a policy of each name, all for workloads of their own, and files of these texts."""
    for name in names:
        text = (
            POLICY.replace("name: web", f"name: {name}")
            .replace(": web,", f": {name},")
            .replace(": web}", f": {name}}}")
        )
        (place / f"{name}.yaml").write_text(text)
    for name, text in texts.items():
        (place / f"{name}.yaml").write_text(text)
    return place


def codes(caught: pytest.ExceptionInfo[PolicyError]) -> list[str]:
    """Return the codes of all errors."""
    return [violation.code for violation in caught.value.violations]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_valid_files_load(path: Path) -> None:
    assert load_policy(path).name == "web"


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_invalid_files_tell_all_that_is_wrong(path: Path) -> None:
    assert errors(path) == path.with_suffix(".txt").read_text()


def test_each_kind_of_bad_file_is_covered() -> None:
    messages = "".join(path.with_suffix(".txt").read_text() for path in INVALID)

    wanted = {
        "policy_unreadable", "policy_too_deep", "policy_unsafe_tag", "policy_alias_refused", "policy_duplicate_key",
        "policy_unknown_key", "policy_missing_key", "policy_type", "policy_range", "policy_inconsistent",
        "name_invalid", "derived_name_too_long", "url_not_allowed", "path_not_allowed", "zero_refused",
        "pods_negative", "pods_too_many",
    }  # fmt: skip
    assert {code for code in wanted if f"[{code}]" in messages} == wanted
    assert len(INVALID) >= 50


def test_a_tag_executes_nothing(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    text = POLICY.replace("team-web", f"!!python/object/apply:os.system ['touch {witness}']")

    assert "policy_unsafe_tag" in errors(folder(tmp_path, bad=text) / "bad.yaml")
    assert not witness.exists()


def test_contradictions_are_told_beside_every_other_error(tmp_path: Path) -> None:
    """Even those between sections, which pydantic alone looks at only once all sections are valid."""
    text = (GOLDEN / "valid" / "shortest.yaml").read_text()
    text = text.replace("min: 2", "min: 30, many: 1").replace("per_replica: 50", "per_replica: 50, window: 2h")
    text += "  smoke: [{http: {path: nowhere}}]\n"

    messages = errors(folder(tmp_path, bad=text) / "bad.yaml")

    assert [line.rpartition("[")[2] for line in messages.splitlines()] == [
        "policy_unknown_key]", "policy_inconsistent]", "url_not_allowed]",
    ]  # fmt: skip
    text = text.replace("min: 30", "min: 3")
    assert "window 2h is longer than demand.lookback 1h" in errors(folder(tmp_path, bad=text) / "bad.yaml")


def test_a_file_that_is_not_there_is_a_policy_error(tmp_path: Path) -> None:
    assert "No such file" in errors(tmp_path / "none.yaml")


def test_a_folder_and_a_pipe_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")

    assert "not a regular file" in errors(tmp_path / "pipe.yaml")
    assert "not a regular file" in errors(tmp_path)


def test_a_large_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "large.yaml").write_text(POLICY + "#" * MAX_BYTES)

    assert "policy_too_large" in errors(tmp_path / "large.yaml")


@pytest.mark.parametrize("mark", ["[", "{", "? ", "- ", "a: [", "'", '"', "!", "&a ", "%", "|\n", "a: {b: [{c: "])
def test_no_small_file_takes_long(mark: str, tmp_path: Path) -> None:
    """Without the depth cap 64 KiB of brackets take the grammar minutes; pytest's own timeout ends that."""
    (tmp_path / "bomb.yaml").write_text(mark * (MAX_BYTES // len(mark) - 1))

    assert errors(tmp_path / "bomb.yaml")


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(deadline=None, max_examples=300)
def test_any_bytes_are_a_policy_or_a_policy_error(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "any.yaml"
    path.write_bytes(raw)

    with pytest.raises(PolicyError) as caught:
        load_policy(path)

    assert all(line.isprintable() for line in str(caught.value).splitlines())


@given(st.data())
@settings(deadline=None, max_examples=300)
def test_a_damaged_policy_is_a_policy_or_a_policy_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = (GOLDEN / "valid" / "block-style.yaml").read_text()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(start + 30, len(text))))
    new = data.draw(
        st.sampled_from(["", "*x", "&x", "!t ", "no", "0", "-1", "[", "]: ", "\n", "\t", "{}", "null", "1e999", "'"])
    )
    path = tmp_path_factory.mktemp("damaged") / "web.yaml"
    path.write_text(text[:start] + new + text[end:])

    try:
        outcome: object = load_policy(path)
    except PolicyError as error:
        outcome = error.violations[0].file

    assert isinstance(outcome, ScalingPolicy) or outcome == str(path)


class TestFolders:
    def test_policies_come_by_name_and_sorted(self, tmp_path: Path) -> None:
        assert list(PolicyFolder(folder(tmp_path, "web", "api", "search")).all()) == ["api", "search", "web"]

    def test_other_files_and_hidden_ones_are_left_alone(self, tmp_path: Path) -> None:
        folder(tmp_path, "web")
        (tmp_path / "README.md").write_text("# no policy")
        (tmp_path / "..2026_11_11.yaml").write_text("no policy")

        assert list(PolicyFolder(tmp_path).all()) == ["web"]

    def test_an_empty_folder_holds_no_policies(self, tmp_path: Path) -> None:
        assert PolicyFolder(tmp_path).all() == {}

    def test_a_folder_that_is_not_there_is_a_policy_error(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyError, match="folder of policies cannot be read"):
            PolicyFolder(tmp_path / "none").all()

    def test_errors_of_all_files_are_told_in_their_order(self, tmp_path: Path) -> None:
        folder(tmp_path, "web", broken="spec: [", empty="")

        with pytest.raises(PolicyError) as caught:
            PolicyFolder(tmp_path).all()

        assert [Path(violation.file).stem for violation in caught.value.violations] == ["broken", "empty"]

    def test_a_file_is_called_as_its_policy(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyError, match=r"call the file web\.yaml") as caught:
            PolicyFolder(folder(tmp_path, other=POLICY)).all()

        assert codes(caught) == ["policy_name_mismatch"]
        assert caught.value.violations[0].line == 3

    def test_one_name_stands_once(self, tmp_path: Path) -> None:
        folder(tmp_path, "web")
        (tmp_path / "web.yml").write_text((tmp_path / "web.yaml").read_text())

        with pytest.raises(PolicyError) as caught:
            PolicyFolder(tmp_path).all()

        assert sorted(codes(caught)) == ["policy_duplicate_name", "shared_workload", "shared_workload"]

    def test_one_workload_has_one_policy(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyError, match=r"(web|second)\.yaml already") as caught:
            PolicyFolder(folder(tmp_path, "web", second=self.second("web"))).all()

        assert codes(caught) == ["shared_workload"]

    def test_a_deployment_with_a_name_that_begins_alike_is_another_workload(self, tmp_path: Path) -> None:
        policies = PolicyFolder(folder(tmp_path, "web", second=self.second("web-other"))).all()

        assert sorted(str(policy.spec.target.deployment) for policy in policies.values()) == ["web", "web-other"]

    @staticmethod
    def second(deployment: str) -> str:
        """Return a policy of its own name and Service for `deployment`."""
        return POLICY.replace("name: web", "name: second").replace(
            "deployment: web, service: web", f"deployment: {deployment}, service: second"
        )


class TestFinding:
    def test_one_policy_is_found_beside_broken_ones(self, tmp_path: Path) -> None:
        assert PolicyFolder(folder(tmp_path, "web", broken="spec: [")).get("web").name == "web"

    def test_an_unknown_name_is_told_with_the_nearest(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"\(did you mean checkout\?\); there are: checkout, web") as caught:
            PolicyFolder(folder(tmp_path, "web", "checkout")).get("chekout")

        assert (caught.value.code, caught.value.field) == ("service_unknown", "service")

    def test_a_name_without_a_near_one_is_told_what_there_is(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="there are: checkout, web"):
            PolicyFolder(folder(tmp_path, "web", "checkout")).get("zzz")

    @pytest.mark.parametrize("name", ["../web", "", "Web", "a/b", "web\n", "{{ x }}"])
    def test_a_name_never_reaches_a_path(self, name: str, tmp_path: Path) -> None:
        with pytest.raises(InputError) as caught:
            PolicyFolder(folder(tmp_path, "web")).get(name)

        assert caught.value.code == "service_unknown"

    def test_its_own_errors_are_told(self, tmp_path: Path) -> None:
        with pytest.raises(PolicyError) as caught:
            PolicyFolder(folder(tmp_path, other=POLICY)).get("other")

        assert codes(caught) == ["policy_name_mismatch"]
