"""``kubespanctl get`` and its shortcuts: resources as ``talosctl get`` shows them."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from kubespan.cli.render import (
    cell_at,
    render_json,
    render_json_line,
    render_table,
    render_yaml,
)

Function = Callable[..., Any]

HEADER = ("NODE", "NAMESPACE", "TYPE", "ID", "VERSION")
EVENT_HEADER = {"CREATED": "+", "UPDATED": " ", "DESTROYED": "-", "BOOTSTRAPPED": ""}


def output_options(function: Function) -> Function:
    """Add ``--output`` and ``--watch``, alike in every command that shows resources."""
    choice = click.Choice(["table", "wide", "json", "yaml"])
    function = click.option(
        "-w", "--watch", is_flag=True, help="Go on showing changes until interrupted."
    )(function)
    return click.option(
        "-o",
        "--output",
        type=choice,
        default="table",
        show_default=True,
        help="How to print; wide adds columns.",
    )(function)


@click.command()
@click.argument("type_", metavar="TYPE")
@click.argument("id_", metavar="[ID]", required=False, default="")
@click.option("--namespace", default="", help="Another than the type's default.")
@output_options
@click.pass_obj
def get(
    socket: Path, type_: str, id_: str, namespace: str, output: str, watch: bool
) -> None:
    """Show resources of a type, or the one with an ID.

    TYPE is a name as in `talosctl get`: kubespanpeerstatuses, members, affiliates …;
    `kubespanctl types` lists them all.
    """
    show_resources(socket, type_, output, watch=watch, id_=id_, namespace=namespace)


def _shortcut(name: str, kind: str, text: str) -> click.Command:
    @click.command(name=name, help=text)
    @output_options
    @click.pass_obj
    def command(socket: Path, output: str, watch: bool) -> None:
        show_resources(socket, kind, output, watch=watch)

    return command


members = _shortcut("members", "members", "Nodes of the Kubernetes cluster.")
affiliates = _shortcut(
    "affiliates", "affiliates", "Every node discovery knows, this one included."
)
endpoints = _shortcut(
    "endpoints",
    "kubespanendpoints",
    "Endpoints of other nodes that live handshakes revealed (harvestExtraEndpoints).",
)
identity = _shortcut(
    "identity", "kubespanidentities", "This node's mesh address and public key."
)


@click.command()
@click.pass_obj
def types(socket: Path) -> None:
    """List the resource types and the names they answer to."""
    from kubespan.cli.client import Client

    with closing(Client(socket)) as client:
        rows = [
            (one.display_name, one.namespace, one.name, " ".join(one.aliases))
            for one in client.types().types
        ]
    click.echo(render_table(("TYPE", "NAMESPACE", "NAME", "ALIASES"), rows))


def show_resources(
    socket: Path,
    kind: str,
    output: str,
    *,
    watch: bool = False,
    id_: str = "",
    namespace: str = "",
) -> None:
    """Print resources once, or follow them."""
    from kubespan.cli.client import Client

    with closing(Client(socket)) as client:
        if watch:
            for line in follow(client, kind, id_, namespace, output):
                click.echo(line)
            return
        if id_:
            one = client.get(kind, id_, namespace)
            node, described, resources = one.node, one.type, [one.resource]
        else:
            answer = client.list(kind, namespace)
            node, described = answer.node, answer.type
            resources = list(answer.resources)
    click.echo(render_resources(node, described, resources, output))


def render_resources(node: str, described: Any, resources: Any, output: str) -> str:
    """Return resources as a table or as documents.

    YAML documents are separated as in a stream; JSON is a list.
    """
    documents = [document(node, resource) for resource in resources]
    if output == "json":
        return render_json(documents)
    if output == "yaml":
        return "\n---\n".join(map(render_yaml, documents))
    rows = [_row(described, plain, output) for plain in documents]
    return render_table(_header(described, output), rows)


def document(node: str, resource: Any) -> dict[str, Any]:
    """Return ``node``, ``metadata`` and ``spec`` of a resource."""
    from kubespan.api.yaml_form import plain_from_resource

    return {"node": node, **plain_from_resource(resource)}


def follow(
    client: Any, kind: str, id_: str, namespace: str, output: str
) -> Iterator[str]:
    """Yield text for every event: rows with a sign, or documents with an event."""
    from kubespan.api import management_pb2 as pb

    widths: list[int] = []
    for event in client.watch(kind, id_, namespace):
        name = pb.WatchEvent.Type.Name(event.event)
        if name == "BOOTSTRAPPED":
            continue
        plain = document(event.node, event.resource)
        if output in ("table", "wide"):
            header = ["*", *_header(event.type, output)]
            row = [EVENT_HEADER[name], *_row(event.type, plain, output)]
            if not widths:
                widths = [max(map(len, pair)) for pair in zip(header, row, strict=True)]
                yield _padded(header, widths)
            yield _padded(row, widths)
        elif output == "json":
            yield render_json_line({"event": name.lower(), **plain})
        else:
            yield render_yaml({"event": name.lower(), **plain}) + "\n---"


def _padded(cells: list[str], widths: list[int]) -> str:
    pairs = zip(cells, widths, strict=True)
    return "   ".join(cell.ljust(width) for cell, width in pairs).rstrip()


def _header(described: Any, output: str) -> list[str]:
    wide = ["OWNER", "UPDATED"] if output == "wide" else []
    return [*HEADER, *(column.header for column in described.columns), *wide]


def _row(described: Any, plain: dict[str, Any], output: str) -> list[str]:
    metadata, spec = plain["metadata"], plain["spec"]
    fixed = [plain["node"], metadata["namespace"], described.display_name]
    fixed += [metadata["id"], str(metadata["version"])]
    wide = [metadata["owner"], metadata["updated"]] if output == "wide" else []
    return [*fixed, *(cell_at(spec, one.path) for one in described.columns), *wide]
