"""YAML text to a tree that knows where everything stands; refuses what could harm.

Only true and false are booleans, only ``0`` or digits without a leading zero (or
``0o17``, ``0x1f``) are numbers: MAC addresses, dates, ``no`` and ``012`` stay text.

Source:
    YAML 1.2 core schema, without floating point numbers: no setting is one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Self, TypeAlias

import yaml

from kubespan.config.problems import Place, Problem, path_of, shown

SIZE_MAX_BYTES: Final = 1 << 20
DEPTH_MAX: Final = 64
NODES_MAX: Final = 50_000
"""Counted with every alias written out."""

_TAG: Final = "tag:yaml.org,2002:"
_TEXT_TAGS: Final = {f"{_TAG}str", "!"}
_CORE_TAGS: Final = {f"{_TAG}{name}" for name in ("null", "bool", "int", "float")}
_COLLECTION_TAGS: Final = {None, "!", f"{_TAG}map", f"{_TAG}seq"}
_NULLS: Final = {"", "~", "null", "Null", "NULL"}
_FLAGS: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_WHOLE: Final = re.compile(
    r"[-+]?(0|[1-9][0-9]{0,17})|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,15}"
)


@dataclass(frozen=True, slots=True)
class Tagged:
    """A value with a tag that means nothing here, such as ``!10.0.0.0/8``."""


class WrittenInt(int):
    """A number that remembers how it was written, for settings that are text."""

    text: str

    def __new__(cls, text: str) -> Self:
        """Read a decimal, ``0o`` or ``0x`` number."""
        number = super().__new__(cls, int(text, 0))
        number.text = text
        return number


Leaf: TypeAlias = str | int | bool | Tagged | None
Plain: TypeAlias = "Leaf | list[Plain] | dict[str, Plain]"


@dataclass(frozen=True, slots=True)
class Node:
    """A value and where it starts.

    Attributes:
        value: hidden from ``repr``: it may be a secret.
        size: nodes in it, aliases written out.
        height: 1 for a leaf.
    """

    place: Place
    value: "Leaf | tuple[Node, ...] | dict[str, Entry]" = field(repr=False)
    size: int = 1
    height: int = 1

    def plain(self) -> Plain:
        """Return the value without places: dicts, lists and leaves."""
        if isinstance(self.value, dict):
            return {key: entry.node.plain() for key, entry in self.value.items()}
        if isinstance(self.value, tuple):
            return [item.plain() for item in self.value]
        return self.value

    def at(self, *keys: str) -> "Node | None":
        """Return the node below these keys; None if missing or null."""
        node = self
        for key in keys:
            if not isinstance(node.value, dict) or key not in node.value:
                return None
            node = node.value[key].node
        return None if node.value is None else node

    def text_at(self, *keys: str) -> str:
        """Return the text below these keys; empty if it is missing or no text."""
        node = self.at(*keys)
        return node.value if node and isinstance(node.value, str) else ""

    def is_on(self, *keys: str) -> bool:
        """Tell whether a plain ``true`` stands below these keys."""
        node = self.at(*keys)
        return node is not None and node.value is True


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping: where the key starts, and its value."""

    place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: roots of all documents that hold something, and mistakes."""

    roots: tuple[Node, ...]
    problems: tuple[Problem, ...]


def read_documents(text: str) -> Reading:
    """Return every document of a YAML stream; never raises.

    Mistakes that leave a tree (a key twice) are all reported; the first one that does
    not (syntax, too deep, too much) ends the reading.
    """
    reader = _Reader()
    try:
        _refuse_too_long(text)
        reader.read(text)
    except _UnreadableError as error:
        reader.problems.append(Problem(error.place, "", error.text))
    except UnicodeEncodeError as error:
        place = _place_of_offset(text, error.start)
        reader.problems.append(Problem(place, "", "not Unicode text"))
    except yaml.YAMLError as error:
        reader.problems.append(_syntax_problem(error, text))
    return Reading(tuple(reader.roots), tuple(reader.problems))


def _refuse_too_long(text: str) -> None:
    if len(text.encode()) > SIZE_MAX_BYTES:
        raise _UnreadableError(Place(1, 1), f"larger than {SIZE_MAX_BYTES} bytes")


class _UnreadableError(Exception):
    def __init__(self, place: Place, text: str) -> None:
        super().__init__(text)
        self.place = place
        self.text = text


class _Reader:
    """Builds trees from parser events, one document after the other.

    Events and not PyYAML's own composer: limits hold while reading, before any
    recursion in C has seen the text.
    """

    def __init__(self) -> None:
        self.roots: list[Node] = []
        self.problems: list[Problem] = []
        self._events: Iterator[yaml.Event] = iter(())
        self._anchors: dict[str, Node] = {}
        self._nodes = 0

    def read(self, text: str) -> None:
        self._events = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                root = self._node(next(self._events), 1)
                if root.value is not None:
                    self.roots.append(root)

    def _node(self, event: yaml.Event, depth: int) -> Node:
        place = _place(event)
        if isinstance(event, yaml.AliasEvent):
            node = self._aliased(event, place)
        elif isinstance(event, yaml.ScalarEvent):
            node = Node(place, _leaf(event))
        elif isinstance(event, yaml.SequenceStartEvent):
            self._guard(place, depth)
            node = self._sequence(event, place, depth)
        else:
            self._guard(place, depth)
            node = self._mapping(event, place, depth)
        self._count(node if isinstance(event, yaml.AliasEvent) else None, place)
        self._guard(place, depth + node.height - 1)
        if isinstance(event, yaml.NodeEvent) and not isinstance(event, yaml.AliasEvent):
            self._remember(event.anchor, node)
        return node

    def _guard(self, place: Place, depth: int) -> None:
        if depth > DEPTH_MAX:
            raise _UnreadableError(place, f"nested more than {DEPTH_MAX} deep")

    def _count(self, aliased: Node | None, place: Place) -> None:
        self._nodes += aliased.size if aliased else 1
        if self._nodes > NODES_MAX:
            raise _UnreadableError(place, f"more than {NODES_MAX} values")

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor:
            self._anchors[anchor] = node

    def _aliased(self, event: yaml.AliasEvent, place: Place) -> Node:
        node = self._anchors.get(str(event.anchor))
        if node is None:
            raise _UnreadableError(place, "an alias without an anchor before it")
        return Node(place, node.value, node.size, node.height)

    def _sequence(self, event: yaml.Event, place: Place, depth: int) -> Node:
        items = []
        while not isinstance(next_event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(next_event, depth + 1))
        return _collection(event, place, tuple(items), items)

    def _mapping(self, event: yaml.Event, place: Place, depth: int) -> Node:
        entries: dict[str, Entry] = {}
        while not isinstance(key_event := next(self._events), yaml.MappingEndEvent):
            key_place = _place(key_event)
            key = self._key(key_event, depth)
            node = self._node(next(self._events), depth + 1)
            if key in entries:
                said = f"duplicate key {shown(key)}, first at line"
                first = entries[key].place.line
                self._complain(key_place, path_of(key), f"{said} {first}")
            elif key is not None:
                entries[key] = Entry(key_place, node)
        nodes = [entry.node for entry in entries.values()]
        return _collection(event, place, entries, nodes)

    def _key(self, event: yaml.Event, depth: int) -> str | None:
        node = self._node(event, depth + 1)
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        if isinstance(node.value, str):
            return node.value
        self._complain(node.place, "", "a key must be text")
        return None

    def _complain(self, place: Place, path: str, text: str) -> None:
        self.problems.append(Problem(place, path, text))


def _collection(
    event: yaml.Event,
    place: Place,
    value: tuple[Node, ...] | dict[str, Entry],
    children: list[Node],
) -> Node:
    """Return the node of a sequence or mapping."""
    size = 1 + sum(child.size for child in children)
    height = 1 + max((child.height for child in children), default=0)
    if getattr(event, "tag", None) not in _COLLECTION_TAGS:
        return Node(place, Tagged(), size, height)
    return Node(place, value, size, height)


def _leaf(event: yaml.ScalarEvent) -> Leaf:
    text = str(event.value)
    if event.tag in _TEXT_TAGS or (event.tag is None and not event.implicit[0]):
        # "!" before a plain scalar with nothing in it is a forgotten quote
        return text if text or event.tag != "!" else Tagged()
    if event.tag is not None and event.tag not in _CORE_TAGS:
        return Tagged()
    if text in _NULLS:
        return None
    if text in _FLAGS:
        return _FLAGS[text]
    return WrittenInt(text) if _WHOLE.fullmatch(text) else text


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)


def _syntax_problem(error: yaml.YAMLError, text: str) -> Problem:
    """Return where and why; libyaml's reasons are fixed phrases without content."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        mark = error.problem_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        return Problem(Place(mark.line + 1, mark.column + 1), "", f"not YAML: {said}")
    place = _place_of_offset(text, getattr(error, "position", 0))
    reason = getattr(error, "reason", "unreadable")
    return Problem(place, "", f"not YAML: {reason}")


def _place_of_offset(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - before.rfind("\n"))
