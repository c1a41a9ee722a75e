import json
from typing import Any

import pytest
import yaml

from kubespan.cli.discovery_questions import (
    Answers,
    ask_each,
    follow_each,
    show_greetings,
    show_records,
)
from kubespan.drivers.discovery.channel import CallFailed
from kubespan.drivers.discovery.inquiry import Greeting
from kubespan.drivers.discovery.service import Received
from kubespan.protocol.discovery_records import SealedRecord
from tests.builders import ips

GREETING = Greeting(ips("192.0.2.7")[0], "", 0.0123456, 0.0005)
RECEIVED = Received((SealedRecord("b", b"1"), SealedRecord("a", b"2")))


class SomeService:
    """Answers as told, or not at all."""

    def __init__(self, *answers: Any) -> None:
        self._answers = answers

    async def greet(self) -> Any:
        return self._answer(self._answers[0])

    async def watch(self) -> Any:
        for answer in self._answers:
            yield self._answer(answer)

    def _answer(self, answer: Any) -> Any:
        if isinstance(answer, CallFailed):
            raise answer
        return answer


REFUSED = CallFailed("Hello", "connection refused")


def test_services_are_asked_each_and_answer_in_order(capsys):
    services: Any = {
        "b": SomeService(1),
        "x": SomeService(REFUSED),
        "a": SomeService(2),
    }

    answers = ask_each(services, lambda one: one.greet())

    assert list(answers.given.items()) == [("b", 1), ("a", 2)]
    assert answers.exit_status == 1
    assert capsys.readouterr().err.startswith(
        "kubespanctl: x: connection refused; nothing listens there"
    )


def test_greetings_are_a_table(capsys):
    show_greetings(Answers({"one": GREETING}), "table")

    first, second = capsys.readouterr().out.splitlines()
    assert first.split("   ")[0] == "SERVICE"
    assert second.split() == ["one", "192.0.2.7", "-", "12.3", "ms", "0.5", "ms"]


@pytest.mark.parametrize(
    ("output", "parse"), [("json", json.loads), ("yaml", yaml.safe_load)]
)
def test_greetings_are_documents(capsys, output, parse):
    show_greetings(Answers({"one": GREETING}), output)

    assert parse(capsys.readouterr().out) == [
        {
            "service": "one",
            "address": "192.0.2.7",
            "redirect": "",
            "connectMs": 12.346,
            "roundTripMs": 0.5,
        }
    ]


def test_no_greeting_is_no_table(capsys):
    show_greetings(Answers({}, failures=1), "table")

    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("output", "parse"), [("json", json.loads), ("yaml", yaml.safe_load)]
)
def test_records_are_documents_in_order(capsys, output, parse):
    show_records(Answers({"one": RECEIVED}), None, output)

    printed = parse(capsys.readouterr().out)
    assert [one["id"] for one in printed] == ["a", "b"]


def test_empty_cluster_is_said_so(capsys):
    show_records(Answers({"one": Received(())}), None, "table")

    assert "nobody has published" in capsys.readouterr().err


def test_records_that_make_no_sense_are_counted(capsys):
    show_records(Answers({"one": Received((), unreadable=3)}), None, "json")

    said = capsys.readouterr()
    assert json.loads(said.out) == []
    assert "one: 3 records make no sense" in said.err


def test_each_service_is_followed_until_it_ends(capsys):
    services: Any = {
        "one": SomeService(RECEIVED, Received(RECEIVED.records[:1], deleted=True)),
        "two": SomeService(REFUSED),
    }

    follow_each(services, None, "json")

    said = capsys.readouterr()
    events = [json.loads(line) for line in said.out.splitlines()]
    assert [one["event"] for one in events] == [
        *("snapshot", "created", "created"),
        "destroyed",
    ]
    assert all(one["time"].endswith("Z") for one in events)
    assert "two: connection refused; " in said.err
    assert "one: the service ended the watch" in said.err


def test_changes_are_yaml_documents(capsys):
    services: Any = {"one": SomeService(RECEIVED)}

    follow_each(services, None, "yaml")

    documents = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [one["event"] for one in documents if one] == [
        *("snapshot", "created", "created")
    ]


def test_reader_that_leaves_ends_the_watch(monkeypatch):
    def leave(*_: Any, **__: Any) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("kubespan.cli.discovery_questions.click.echo", leave)
    services: Any = {"one": SomeService(RECEIVED)}

    with pytest.raises(BrokenPipeError):
        follow_each(services, None, "table")


def test_names_from_outside_cannot_drive_the_terminal(capsys):
    evil = Received((SealedRecord("\x1b[2J", b"1"),))

    follow_each({"one": SomeService(evil)}, None, "table")  # type: ignore[dict-item] # as a stand-in
    show_records(Answers({"one": evil}), None, "table")

    assert "\x1b" not in capsys.readouterr().out
