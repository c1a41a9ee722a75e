import json
import logging
import sys

import pytest

from discovery.drivers.log_lines import LineFormatter, set_up_logging


def a_record(message: str = "listening", **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("discovery", logging.INFO, "", 0, message, (), None)
    record.created = 0.5
    if fields:
        record.fields = fields
    return record


def test_line_is_words_with_names() -> None:
    line = LineFormatter(as_json=False).format(a_record(address="[::]:3000", n=3))

    assert line == (
        "time=1970-01-01T00:00:00.500+00:00 level=info msg=listening "
        "address=[::]:3000 n=3"
    )


@pytest.mark.parametrize("hostile", ["a\nlevel=error", 'a "b"', "a=b", "", "\x1b[31m"])
@pytest.mark.parametrize("as_json", [True, False])
def test_text_of_others_cannot_end_a_line_or_forge_a_field(
    hostile: str, as_json: bool
) -> None:
    line = LineFormatter(as_json=as_json).format(a_record(version=hostile))

    assert line.isprintable()
    assert json.dumps(hostile) in line


def test_json_lines_are_objects() -> None:
    line = LineFormatter(as_json=True).format(a_record(n=3))

    assert json.loads(line)["level"] == "info"
    assert json.loads(line)["n"] == 3


def test_trace_stays_on_the_line() -> None:
    record = a_record(method="Hello")
    try:
        _ = 1 / 0
    except ZeroDivisionError:
        record.exc_info = sys.exc_info()

    line = LineFormatter(as_json=False).format(record)

    assert "\n" not in line
    assert "ZeroDivisionError" in line


def test_records_of_libraries_say_where_they_come_from() -> None:
    assert LineFormatter(as_json=False).format(a_record()).endswith("logger=discovery")


def test_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    set_up_logging("warning", "text")
    logging.getLogger("discovery").info("not this")
    logging.getLogger("discovery").warning("but this")
    root.handlers[:] = before
    root.setLevel(level)

    captured = capsys.readouterr()
    assert captured.out == ""
    assert 'msg="but this"' in captured.err
    assert "not this" not in captured.err
