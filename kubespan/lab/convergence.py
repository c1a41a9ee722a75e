"""Wait until every node sees every other node up."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from kubespan.lab.errors import LabError

UP = "up"
POLL_S = 0.1
LOG_LINES = 15


class MeshNode(Protocol):
    """As much of a node as one needs to see whether the mesh is up."""

    @property
    def name(self) -> str:
        """The name under which the others know it."""

    @property
    def is_running(self) -> bool:
        """Tell whether its daemon has a process."""

    def peer_states(self) -> dict[str, str]:
        """Return states by name; `LabError` if the daemon does not answer."""

    def log_tail(self, count: int) -> list[str]:
        """Return the last lines its daemon wrote."""


@dataclass(frozen=True, slots=True)
class Convergence:
    """How far a mesh is.

    Attributes:
        missing: ordered pairs ``(from, to)`` that are not up, sorted.
        pairs: how many ordered pairs there are.
        elapsed_s: since the wait began.
    """

    missing: tuple[tuple[str, str], ...]
    pairs: int
    elapsed_s: float

    @property
    def up(self) -> int:
        """How many ordered pairs are up."""
        return self.pairs - len(self.missing)

    def __str__(self) -> str:
        waiting = ", ".join(f"{near} → {far}" for near, far in self.missing[:4])
        more = " …" if len(self.missing) > 4 else ""
        for_whom = f"; waiting for {waiting}{more}" if waiting else ""
        return f"{self.up} of {self.pairs} pairs up, {self.elapsed_s:.0f} s{for_whom}"


def missing_peers(
    name: str, all_names: Iterable[str], states: dict[str, str]
) -> list[str]:
    """Return the names a node should see up but does not, in the order given."""
    return [far for far in all_names if far != name and states.get(far) != UP]


def wait_until_up(
    nodes: Sequence[MeshNode], timeout_s: float, progress: Callable[[Convergence], None]
) -> float:
    """Wait until every ordered pair of `nodes` is up, and return the seconds it took.

    Nodes that were seen complete are asked again only when all others are, too.

    Args:
        nodes: which must see each other; others may run as well.
        timeout_s: when to give up.
        progress: told after each round of questions.

    Raises:
        LabError: a daemon ended, or time is up (with its last words).
    """
    began_s = time.monotonic()
    missing = {node.name: missing_peers(node.name, _names(nodes), {}) for node in nodes}
    verified = False
    while True:
        asked = nodes if verified else [node for node in nodes if missing[node.name]]
        for node in asked:
            missing[node.name] = missing_peers(node.name, _names(nodes), _states(node))
        elapsed_s = time.monotonic() - began_s
        state = _convergence(missing, elapsed_s)
        progress(state)
        if not state.missing and verified:
            return elapsed_s
        verified = not state.missing
        if elapsed_s > timeout_s:
            raise LabError(_reason(nodes, state))
        time.sleep(0 if verified else POLL_S)


def _names(nodes: Sequence[MeshNode]) -> list[str]:
    return [node.name for node in nodes]


def _states(node: MeshNode) -> dict[str, str]:
    try:
        return node.peer_states()
    except LabError:
        if node.is_running:
            return {}
        raise LabError(_with_log(node, f"{node.name}: its daemon ended")) from None


def _convergence(missing: dict[str, list[str]], elapsed_s: float) -> Convergence:
    pairs = tuple((near, far) for near, others in missing.items() for far in others)
    count = len(missing)
    return Convergence(pairs, count * (count - 1), elapsed_s)


def _reason(nodes: Sequence[MeshNode], state: Convergence) -> str:
    first = state.missing[0][0] if state.missing else nodes[0].name
    node = next(node for node in nodes if node.name == first)
    return _with_log(node, f"not all up: {state}; the last words of {first}:")


def _with_log(node: MeshNode, text: str) -> str:
    return "\n".join([text, *(f"  | {line}" for line in node.log_tail(LOG_LINES))])
