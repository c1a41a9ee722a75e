"""A YAML tree against the model of a document: every mistake, at its place."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from kubespan.config.circumstances import MUST_BE_TEXT, Circumstances
from kubespan.config.problems import (
    Place,
    Problem,
    did_you_mean,
    nearest,
    path_of,
    shown,
)
from kubespan.config.talos_documents import known_keys
from kubespan.config.yaml_nodes import Node, Tagged

PROBLEMS_MAX: Final = 100
"""Of one document; enough to work on, and a bound on what a hostile file costs."""
_NEAR_IN_FOREIGN_SECTIONS: Final = 0.8

_MERGE_KEY: Final = "merge keys (<<) are not understood; write the keys out"

Steps = tuple[str | int, ...]
Document = TypeVar("Document", bound=BaseModel)

_TEXTS: Final = {
    "string_type": MUST_BE_TEXT,
    "bool_type": "must be true or false",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
}


def validate(
    model: type[Document], root: Node, name: str, known: Circumstances
) -> tuple[Document | None, list[Problem]]:
    """Return the document, or None and all that is wrong with it.

    Args:
        model: what the document must be.
        root: what was written.
        name: of the document, first step of every path; may be empty.
        known: what the checks may know.
    """
    problems = list(islice(_unknown_keys(model, root, (name,)), PROBLEMS_MAX))
    document = None
    try:
        document = model.model_validate(root.plain(), context=known)
    except ValidationError as error:
        details = islice(error.errors(include_url=False), PROBLEMS_MAX)
        problems += _problems(details, root, name)
    return (None if problems else document), problems


def _unknown_keys(
    model: type[BaseModel], node: Node, steps: Steps
) -> Iterator[Problem]:
    """Yield keys nobody knows; in sections of Talos only those that are nearly ours."""
    if not isinstance(node.value, dict):
        return
    known = known_keys(model)
    strict = model.model_config.get("extra") == "forbid"
    for key, entry in node.value.items():
        below = _model_of(model, known.get(key))
        if below is not None:
            yield from _unknown_keys(below, entry.node, (*steps, key))
        elif key == "<<":
            yield Problem(entry.place, path_of(*steps), _MERGE_KEY)
        elif key not in known and (strict or _nearly(key, known)):
            text = f"unknown key {shown(key)}{did_you_mean(key, known)}"
            yield Problem(entry.place, path_of(*steps, key), text)


def _nearly(key: str, known: Iterable[str]) -> bool:
    sized = [name for name in known if abs(len(name) - len(key)) <= 2]
    return bool(sized) and nearest(key, sized, _NEAR_IN_FOREIGN_SECTIONS) is not None


def _model_of(model: type[BaseModel], field: str | None) -> type[BaseModel] | None:
    """Return the model of a field that is a mapping; None for anything else."""
    if field is None:
        return None
    annotation: Any = model.model_fields[field].annotation
    for kind in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _problems(details: Iterable[Any], root: Node, name: str) -> Iterator[Problem]:
    """Yield pydantic's errors in our words; what it was given is never quoted."""
    for error in details:
        if error["type"] == "extra_forbidden":
            continue
        context = error.get("ctx", {})
        steps = error["loc"]
        if error["type"] == "missing":
            *steps, missing = steps
            text = f"{missing} is required"
        else:
            text = str(context.get("text") or _TEXTS.get(error["type"], "not valid"))
        steps = (*steps, context["at"]) if context.get("at") else tuple(steps)
        place, found = _find(root, steps)
        yield Problem(place, path_of(name, *steps), _explained(text, found))


def _explained(text: str, found: Node | None) -> str:
    if found is not None and isinstance(found.value, Tagged):
        return 'what starts with "!" must be in quotes'
    if text == MUST_BE_TEXT and found and isinstance(found.value, tuple | dict):
        return "must be text"
    return text


def _find(root: Node, steps: Steps) -> tuple[Place, Node | None]:
    """Return the place of the deepest node on the way, and the node if it is there."""
    node = root
    for step in steps:
        if isinstance(node.value, tuple) and isinstance(step, int):
            node = node.value[step]
        elif isinstance(node.value, dict) and step in node.value:
            node = node.value[str(step)].node
        else:
            return node.place, None
    return node.place, node
