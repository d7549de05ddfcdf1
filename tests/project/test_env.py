import os
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from sessionsite import env


@pytest.fixture
def variable(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a variable that is not set, neither it nor its _FILE twin, before and after the test."""
    for name in ("EXAMPLE", "EXAMPLE_FILE"):
        # Set first, so that what a test puts into os.environ itself is undone too.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return "EXAMPLE"


@pytest.mark.parametrize("value", ["", "  "])
def test_it_takes_the_default_for_what_is_empty(variable: str, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(variable, value)
    assert env.text(variable, "default") == "default"
    assert env.boolean(variable, True) is True
    assert env.integer(variable, 7, minimum=1, maximum=9) == 7
    assert env.words(variable, ("a", "b")) == ["a", "b"]


def test_it_reads_a_secret_from_a_file(variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s3cret $#\n")
    monkeypatch.setenv("EXAMPLE_FILE", str(tmp_path / "secret"))
    assert env.text(variable) == "s3cret $#"


def test_it_refuses_a_variable_given_in_both_forms(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE", "hidden-value")
    monkeypatch.setenv("EXAMPLE_FILE", "/dev/null")
    with pytest.raises(ImproperlyConfigured, match="EXAMPLE or EXAMPLE_FILE") as refusal:
        env.text(variable)
    assert "hidden-value" not in str(refusal.value)


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_it_names_a_secret_file_that_cannot_be_read(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("EXAMPLE_FILE", str(path))
    with pytest.raises(ImproperlyConfigured, match="EXAMPLE_FILE"):
        env.text(variable)


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("YES", True), ("on", True), ("0", False), ("False", False), ("off", False)]
)
def test_it_reads_a_boolean(variable: str, monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv(variable, value)
    assert env.boolean(variable) is expected


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_it_refuses_what_is_no_boolean(variable: str, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ImproperlyConfigured, match="true or false"):
        env.boolean(variable)


@pytest.mark.parametrize("value", ["seven", "7.5", "0", "10", "1e3"])
def test_it_refuses_a_number_that_is_none_or_out_of_range(
    variable: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ImproperlyConfigured, match=variable):
        env.integer(variable, 7, minimum=1, maximum=9)


def test_it_reads_a_list_and_a_choice(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, " a, ,b ,")
    assert env.words(variable) == ["a", "b"]
    monkeypatch.setenv(variable, "JSON")
    assert env.choice(variable, "console", ("console", "json")) == "json"
    with pytest.raises(ImproperlyConfigured, match="one of red, green"):
        env.choice(variable, "red", ("red", "green"))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("EXAMPLE=plain", "plain"),
        ("  export EXAMPLE = spaced  ", "spaced"),
        ("EXAMPLE=a$HOME#b\\n`id`'\"c", "a$HOME#b\\n`id`'\"c"),
        ("EXAMPLE=\"quoted # 'and' spaced \"", "quoted # 'and' spaced "),
        ("EXAMPLE='$literal'", "$literal"),
        ("EXAMPLE=postgresql://u:p%40=x@h/db?a=b&c=d", "postgresql://u:p%40=x@h/db?a=b&c=d"),
        ("EXAMPLE='", "'"),
    ],
)
def test_it_takes_a_value_of_the_env_file_literally(variable: str, tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / ".env").write_text(f"# a comment\n\n{line}\n")
    env.load_file(tmp_path / ".env")
    assert os.environ[variable] == expected


@pytest.mark.parametrize("given", ["EXAMPLE", "EXAMPLE_FILE"])
def test_it_lets_the_environment_win_over_the_env_file(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: str
) -> None:
    (tmp_path / "secret").write_text("outer")
    monkeypatch.setenv(given, "outer" if given == "EXAMPLE" else str(tmp_path / "secret"))
    (tmp_path / ".env").write_text("EXAMPLE=inner\nEXAMPLE_FILE=/dev/null\n")
    env.load_file(tmp_path / ".env")
    assert env.text(variable) == "outer"


def test_it_names_the_line_that_is_no_assignment_but_not_its_text(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# a comment\nhidden-value\n")
    with pytest.raises(ImproperlyConfigured, match="line 2: expected NAME=value") as refusal:
        env.load_file(tmp_path / ".env")
    assert "hidden-value" not in str(refusal.value)


def test_it_does_without_an_env_file(tmp_path: Path) -> None:
    env.load_file(tmp_path / "absent")
