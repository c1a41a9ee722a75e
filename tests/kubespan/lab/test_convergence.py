"""Waiting for a mesh."""

from dataclasses import dataclass, field

import pytest

from kubespan.lab import convergence
from kubespan.lab.convergence import Convergence, missing_peers, wait_until_up
from kubespan.lab.errors import LabError


@dataclass
class FakeNode:
    """Answers with one row of states after the other, the last one for ever."""

    name: str
    answers: list[dict[str, str] | None]
    is_running: bool = True
    asked: int = field(default=0)

    def peer_states(self) -> dict[str, str]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        if answer is None:
            raise LabError("no answer")
        return answer

    def log_tail(self, count: int) -> list[str]:
        return [f"last words of {self.name}"]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convergence, "POLL_S", 0)


def test_a_peer_is_missing_unless_it_is_up() -> None:
    names = ["a", "b", "c", "d"]

    assert missing_peers("a", names, {"b": "up", "c": "down"}) == ["c", "d"]


def test_it_ends_when_all_pairs_were_seen_up_in_one_round() -> None:
    one = FakeNode("one", [{}, {"two": "unknown"}, {"two": "up"}])
    two = FakeNode("two", [None, {"one": "up"}])
    seen: list[Convergence] = []

    wait_until_up([one, two], 60, seen.append)

    assert [state.up for state in seen] == [0, 1, 2, 2]
    assert seen[-1].missing == ()


def test_a_pair_lost_while_others_were_waited_for_is_waited_for_again() -> None:
    one = FakeNode("one", [{"two": "up"}, {"two": "down"}, {"two": "up"}])
    two = FakeNode("two", [{}, {"one": "up"}])
    seen: list[Convergence] = []

    wait_until_up([one, two], 60, seen.append)

    assert [state.up for state in seen] == [1, 2, 1, 2, 2]


def test_a_daemon_that_ended_ends_the_wait_with_its_last_words() -> None:
    nodes = [FakeNode("one", [None], is_running=False), FakeNode("two", [{}])]

    with pytest.raises(LabError, match=r"one: its daemon ended\n.*last words of one"):
        wait_until_up(nodes, 60, lambda _: None)


def test_a_wait_that_is_too_long_says_who_was_missing() -> None:
    nodes = [FakeNode("one", [{"two": "up"}]), FakeNode("two", [{"one": "down"}])]

    with pytest.raises(LabError, match=r"1 of 2 pairs up.*two → one;.*words of two"):
        wait_until_up(nodes, 0, lambda _: None)


def test_progress_names_the_first_pairs_that_are_missing() -> None:
    missing = tuple(("a", str(number)) for number in range(9))

    text = str(Convergence(missing, 10, 3.2))

    assert text == "1 of 10 pairs up, 3 s; waiting for a → 0, a → 1, a → 2, a → 3 …"


def test_a_single_node_is_up_at_once() -> None:
    assert wait_until_up([FakeNode("one", [{}])], 60, lambda _: None) < 5
