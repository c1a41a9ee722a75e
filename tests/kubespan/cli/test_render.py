import pytest

from kubespan.cli.render import (
    cell_at,
    render_age,
    render_bytes,
    render_cell,
    render_json_line,
    render_table,
    render_yaml,
)


@pytest.mark.checklist(61)
def test_table_is_as_talosctl_prints_it():
    # kubespan.md section 7, samples: three spaces, no trailing ones
    text = render_table(("NODE", "ID"), [("10.1.0.11", "local"), ("x", "")])

    assert text == "NODE        ID\n10.1.0.11   local\nx"


def test_one_long_name_does_not_widen_the_whole_table():
    text = render_table(("NODE", "ID"), [("n" * 1500, "long"), ("b", "short")])

    assert max(map(len, text.splitlines()[::2])) < 120
    assert "n" * 1500 in text


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        pytest.param("text", "text", id="text as it is"),
        pytest.param(["a", "b"], '["a","b"]', id="list as JSON array"),
        pytest.param(5, "5", id="number"),
        pytest.param(True, "true", id="bool as JSON"),
        pytest.param(None, "", id="nothing"),
    ],
)
def test_cell_is_text_or_json(value, cell):
    assert render_cell(value) == cell


def test_cell_is_found_by_dotted_path():
    assert cell_at({"a": {"b": 1}}, "a.b") == "1"
    assert cell_at({"a": {"b": 1}}, "a.c") == ""
    assert cell_at({"a": 1}, "a.c") == ""


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (15932, "15.6 KiB"),
        (5 * 2**30, "5.0 GiB"),
        (2**62, "4096.0 PiB"),
    ],
)
def test_bytes_read_in_binary_units(count, text):
    assert render_bytes(count) == text


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        (-5, "0s"),
        (0.9, "0s"),
        (59, "59s"),
        (125, "2m5s"),
        (3600, "1h"),
        (90061, "1d1h"),
    ],
)
def test_age_reads_in_its_two_largest_units(age_s, text):
    assert render_age(age_s) == text


def test_documents_keep_their_order():
    assert render_yaml({"b": 1, "a": [2]}) == "b: 1\na:\n- 2"
    assert render_json_line({"b": 1, "a": 2}) == '{"b": 1, "a": 2}'


def test_times_are_written_without_quotes_and_other_texts_stay_texts():
    text = render_yaml({"at": "2026-08-14T10:11:12.3Z", "no": "no", "empty": ""})

    assert text == "at: 2026-08-14T10:11:12.3Z\n'no': 'no'\nempty: ''"


def test_name_from_another_node_cannot_drive_the_terminal():
    text = render_table(("NAME",), [("\x1b[2Jnode\n1",)])

    assert text == "NAME\n\\x1b[2Jnode\\n1"
