import pytest

from kubespan.config.problems import (
    Place,
    Problem,
    did_you_mean,
    nearest,
    path_of,
    shown,
)
from tests.config_texts import SECRET

KNOWN = ("enabled", "mtu", "harvestExtraEndpoints")


def test_problem_is_one_line_with_file_line_column_and_path():
    problem = Problem(Place(3, 7), "machine.network", "must be a mapping")

    assert problem.in_file("a.yaml") == "a.yaml:3:7: machine.network: must be a mapping"


def test_problem_without_a_path_has_no_empty_one():
    assert Problem(Place(1, 1), "", "not YAML").in_file("f") == "f:1:1: not YAML"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("banana", '"banana"', id="plain"),
        pytest.param('a"b\nc', r'"a\"b\nc"', id="stays on one line"),
        pytest.param("\x1b[31m", r'"\u001b[31m"', id="no terminal commands"),
        pytest.param("x " * 100, '"' + "x " * 50 + '…"', id="shortened"),
        pytest.param(f"psk {SECRET}", '"******"', id="what looks like a key"),
    ],
)
def test_foreign_text_is_shown_in_quotes(text: str, expected: str):
    assert shown(text) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        pytest.param(("a", "b", 2, "c"), "a.b[2].c", id="keys and positions"),
        pytest.param(("", "a"), "a", id="empty steps are left out"),
        pytest.param(("a", "b c\n"), r'a."b c\n"', id="odd keys are quoted"),
    ],
)
def test_path_is_written_as_one_would_point(
    steps: tuple[str | int, ...], expected: str
):
    assert path_of(*steps) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        pytest.param("enabld", "enabled", id="a letter forgotten"),
        pytest.param("MTU", "mtu", id="other case"),
        pytest.param("harvestExtraEndpoint", "harvestExtraEndpoints", id="singular"),
        pytest.param("sysctls", None, id="nothing near"),
        pytest.param("x" * 100_000, None, id="absurdly long"),
    ],
)
def test_nearest_known_word_is_guessed(word: str, expected: str | None):
    assert nearest(word, KNOWN) == expected


def test_question_is_asked_only_if_something_is_near():
    assert did_you_mean("enable", KNOWN) == "; did you mean enabled?"
    assert did_you_mean("zzz", KNOWN) == ""
