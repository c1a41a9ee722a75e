import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.config.problems import Place
from kubespan.config.yaml_nodes import (
    DEPTH_MAX,
    NODES_MAX,
    SIZE_MAX_BYTES,
    Node,
    Tagged,
    WrittenInt,
    read_documents,
)


def the_root(text: str) -> Node:
    reading = read_documents(text)
    assert reading.problems == ()
    return reading.roots[0]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        # libraries.md section 4: what PyYAML makes of these
        pytest.param("52:54:00:12:34:56", "52:54:00:12:34:56", id="MAC"),
        pytest.param("12:30", "12:30", id="time of day"),
        pytest.param("no", "no", id="no"),
        pytest.param("yes", "yes", id="yes"),
        pytest.param("on", "on", id="on"),
        pytest.param("012", "012", id="leading zero"),
        pytest.param("2026-10-01", "2026-10-01", id="date"),
        pytest.param("1_000", "1_000", id="underscore"),
        pytest.param("1.5", "1.5", id="fraction"),
        pytest.param("::/0", "::/0", id="all of IPv6"),
        pytest.param('"1420"', "1420", id="number in quotes"),
        pytest.param("'true'", "true", id="boolean in quotes"),
        pytest.param("!!str 1420", "1420", id="number tagged as text"),
        pytest.param("! true", "true", id="boolean tagged as text"),
        pytest.param("=", "=", id="equals sign"),
        pytest.param("9" * 5000, "9" * 5000, id="more digits than a number has"),
        pytest.param("true", True, id="true"),
        pytest.param("FALSE", False, id="FALSE"),
        pytest.param("~", None, id="tilde"),
        pytest.param("1420", 1420, id="decimal"),
        pytest.param("-1", -1, id="negative"),
        pytest.param("0x58c", 1420, id="hexadecimal"),
        pytest.param("0o2614", 1420, id="octal"),
        pytest.param("!10.99.0.0/16", Tagged(), id="forgotten quotes"),
        pytest.param("!", Tagged(), id="lonely tag"),
        pytest.param("!!binary aGk=", Tagged(), id="foreign tag"),
        pytest.param("!foo {a: b}", Tagged(), id="foreign tag on a mapping"),
    ],
)
def test_scalar_is_read_by_the_core_schema(written: str, expected: object):
    value = the_root(f"key: {written}").plain()

    assert value == {"key": expected}


def test_number_remembers_how_it_was_written():
    node = the_root("a: 0x1F").at("a")

    assert node is not None
    assert isinstance(node.value, WrittenInt)
    assert node.value.text == "0x1F"


def test_every_key_and_value_knows_its_place():
    root = the_root("# head\nmachine:\n  list: [é, {x: 1}]\n")
    lists = root.at("machine", "list")

    assert root.place == Place(2, 1)
    assert lists is not None
    assert lists.place == Place(3, 9)
    assert isinstance(lists.value, tuple)
    assert lists.value[1].place == Place(3, 13)


def test_questions_about_missing_null_and_other_things_have_answers():
    root = the_root("a: {on: true, off: null, text: x}\nb: [1]")

    assert root.is_on("a", "on")
    assert not root.is_on("a", "text")
    assert root.at("a", "off") is None
    assert root.at("b", "deeper") is None
    assert root.text_at("a", "text") == "x"
    assert root.text_at("b") == ""


def test_documents_are_read_in_order_without_the_empty_ones():
    reading = read_documents("---\n---\na: 1\n--- # nothing\n...\n---\nb: 2\n")

    assert [root.plain() for root in reading.roots] == [{"a": 1}, {"b": 2}]


def test_duplicate_keys_are_all_told_and_the_first_stays():
    reading = read_documents("a: 1\nb: {c: 1, c: 2}\na: 3\n'a': 4\n")

    assert [(p.place.line, p.text) for p in reading.problems] == [
        (2, 'duplicate key "c", first at line 2'),
        (3, 'duplicate key "a", first at line 1'),
        (4, 'duplicate key "a", first at line 1'),
    ]
    assert reading.roots[0].plain() == {"a": 1, "b": {"c": 1}}


@pytest.mark.parametrize("text", ["{[a]: b}", "? {a: b}\n: c", "&x [1]: 2"])
def test_key_that_is_no_text_is_refused(text: str):
    assert [p.text for p in read_documents(text).problems] == ["a key must be text"]


def test_key_is_its_text_whatever_it_looks_like():
    assert the_root("{true: 1, 012: 2, ~: 3}").plain() == {"true": 1, "012": 2, "~": 3}


def test_alias_stands_for_its_anchor():
    root = the_root("a: &lan [10.0.0.0/8]\nb: *lan\n")

    assert root.plain() == {"a": ["10.0.0.0/8"], "b": ["10.0.0.0/8"]}


def test_anchor_ends_with_its_document():
    problems = read_documents("a: &x 1\n---\nb: *x\n").problems

    assert [p.text for p in problems] == ["an alias without an anchor before it"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[" * 100_000, "nested more than 64 deep", id="lists"),
        pytest.param("{a: " * 100_000, "nested more than 64 deep", id="mappings"),
        pytest.param(
            "a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 40 + "*a" + "]" * 40,
            "nested more than 64 deep",
            id="by an alias",
        ),
        pytest.param("&a [*a]", "an alias without an anchor before it", id="itself"),
        pytest.param("- a\n" * NODES_MAX, "more than 50000 values", id="many"),
        pytest.param(
            "a0: &a0 [x]\n"
            + "".join(
                f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n"
                for n in range(1, 30)
            ),
            "more than 50000 values",
            id="alias bomb",
        ),
        pytest.param("#" * (SIZE_MAX_BYTES + 1), "larger than 1048576 bytes", id="big"),
        pytest.param("é" * (SIZE_MAX_BYTES // 2 + 1), "larger than", id="big in bytes"),
        pytest.param("a: \ud800", "not Unicode text", id="half a character"),
        pytest.param("a: \x00", "control characters are not allowed", id="NUL"),
        pytest.param("a: [b", "not YAML: while parsing a flow sequence", id="unclosed"),
        pytest.param("a: 1\n\tb: 2", "not YAML: ", id="tab"),
        pytest.param("%YAML 9.9\n--- a", "incompatible YAML document", id="version"),
    ],
)
def test_harmful_or_broken_text_is_refused_quickly(text: str, expected: str):
    started_s = time.monotonic()

    problems = read_documents(text).problems

    assert len(problems) == 1
    assert expected in problems[0].text
    assert time.monotonic() - started_s < 5


def test_place_of_a_broken_character_is_counted_from_the_start():
    problems = read_documents("a: 1\nb: é\x01").problems

    assert problems[0].place.line == 2


def test_depth_within_the_limit_is_fine():
    depth = DEPTH_MAX - 1

    assert the_root("[" * depth + "a" + "]" * depth).height == DEPTH_MAX


@pytest.mark.parametrize("text", ["a: b: c", "'", "[a, b}", "a: *b", "- - -\n- x: ]"])
def test_syntax_error_says_where_without_saying_what(text: str):
    problem = read_documents(text).problems[0]

    assert problem.place.line >= 1


def test_node_does_not_show_its_value():
    assert "hunter2" not in repr(the_root("password: hunter2"))


@given(
    st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%@,? \n\t~01é\x00"), max_size=80)
)
def test_reading_never_raises(text: str):
    reading = read_documents(text)

    assert all(root.plain() is not None for root in reading.roots)
