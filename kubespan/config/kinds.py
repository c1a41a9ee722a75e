"""Which documents of a file are ours; what is foreign is passed over, typos are not.

Source:
    kubespan.md section 6.1; ``KubeSpanHostConfig`` is our own kind.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from kubespan.config.problems import Place, Problem, did_you_mean, nearest, shown
from kubespan.config.yaml_nodes import Node

API_VERSION: Final = "v1alpha1"
KUBESPAN: Final = "KubeSpanConfig"
ENDPOINTS: Final = "KubeSpanEndpointsConfig"
SERVICE: Final = "DiscoveryServiceConfig"
IDENTITY: Final = "DiscoveryIdentityConfig"
HOST: Final = "KubeSpanHostConfig"
HOSTNAME: Final = "HostnameConfig"
"""Talos's own; only its host name is read."""

OURS: Final = (KUBESPAN, ENDPOINTS, SERVICE, IDENTITY, HOST)
_NEAR: Final = 0.8
_OUR_PREFIXES: Final = ("kubespan", "discovery")


@dataclass(frozen=True, slots=True)
class Documents:
    """The documents that are read.

    Attributes:
        machine: the legacy v1alpha1 document.
        by_kind: of kinds we know; in the order of the file; duplicates left out.
    """

    machine: Node | None = None
    by_kind: Mapping[str, tuple[Node, ...]] = field(default_factory=dict)

    def of(self, kind: str) -> tuple[Node, ...]:
        """Return the documents of a kind; may be empty."""
        return self.by_kind.get(kind, ())

    def first(self, kind: str) -> Node | None:
        """Return the only document of a kind, or None."""
        return next(iter(self.of(kind)), None)


def sort_documents(roots: Iterable[Node]) -> tuple[Documents, list[Problem]]:
    """Return the documents we read, and what is wrong with the others."""
    sorting = _Sorting()
    for root in roots:
        sorting.add(root)
    if not sorting.problems and sorting.machine is None and not sorting.by_kind:
        text = "no KubeSpan document and no v1alpha1 machine configuration"
        sorting.problems.append(Problem(Place(1, 1), "", text))
    by_kind = {kind: tuple(nodes) for kind, nodes in sorting.by_kind.items()}
    return Documents(sorting.machine, by_kind), sorting.problems


class _Sorting:
    def __init__(self) -> None:
        self.machine: Node | None = None
        self.by_kind: dict[str, list[Node]] = {}
        self.problems: list[Problem] = []
        self._seen: set[str] = set()

    def add(self, root: Node) -> None:
        if not isinstance(root.value, dict):
            self._complain(root.place, "", "a document must be a mapping")
        elif "kind" in root.value:
            self._add_kind(root)
        elif "apiVersion" in root.value:
            self._complain(root.place, "", "kind is required")
        elif self.machine is not None:
            text = "duplicate document: v1alpha1 machine configuration"
            self._complain(root.place, "", text)
        else:
            self.machine = root

    def _add_kind(self, root: Node) -> None:
        kind = root.text_at("kind")
        if kind not in OURS and kind != HOSTNAME:
            self._check_spelling(root, kind)
            return
        if kind in OURS and root.text_at("apiVersion") != API_VERSION:
            self._complain(_place_of(root, "apiVersion"), kind, _WRONG_VERSION)
        name = root.text_at("name") if kind == SERVICE else ""
        key = f"{kind}/{name}"
        if key in self._seen and (name or kind != SERVICE):
            id_ = f"{kind}/{shown(name)[1:-1]}"
            self._complain(root.place, kind, f"duplicate document: {id_}")
            return
        self._seen.add(key)
        self.by_kind.setdefault(kind, []).append(root)

    def _check_spelling(self, root: Node, kind: str) -> None:
        """Refuse a kind that is nearly ours: passing over it would lose the mesh."""
        place = _place_of(root, "kind")
        near = nearest(kind, OURS, _NEAR) is not None
        if not kind:
            self._complain(place, "kind", "kind is required")
        elif near or kind.lower().startswith(_OUR_PREFIXES):
            text = f"unknown kind {shown(kind)}{did_you_mean(kind, OURS)}"
            self._complain(place, "kind", text)

    def _complain(self, place: Place, path: str, text: str) -> None:
        self.problems.append(Problem(place, path, text))


_WRONG_VERSION: Final = f"apiVersion must be {API_VERSION}"


def _place_of(root: Node, key: str) -> Place:
    node = root.at(key)
    return node.place if node else root.place
