"""``kubespanctl status``: is this node all right, and if not, what is wrong."""

from contextlib import closing
from pathlib import Path
from typing import Any

import click

from kubespan.cli.render import render_json, render_table, render_yaml

KINDS = {
    "daemon": "daemonstatuses",
    "identity": "kubespanidentities",
    "dataPlane": "dataplanes",
    "registries": "registrystatuses",
    "publicAddresses": "addressstatuses",
    "peers": "kubespanpeerstatuses",
    "edges": "edgestatuses",
    "notices": "notices",
}


@click.command()
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="How to print.",
)
@click.pass_obj
def status(socket: Path, output: str) -> None:
    """This node at a glance: identity, WireGuard, registries, peers, warnings.

    Exit status 0 also when something is wrong: the text says what.
    """
    from kubespan.api.yaml_form import plain_from_resource
    from kubespan.cli.client import Client

    with closing(Client(socket)) as client:
        facts: dict[str, list[dict[str, Any]]] = {
            name: [
                {"id": resource.metadata.id, **plain_from_resource(resource)["spec"]}
                for resource in client.list(kind).resources
            ]
            for name, kind in KINDS.items()
        }
    if output == "json":
        click.echo(render_json(facts))
    elif output == "yaml":
        click.echo(render_yaml(facts))
    else:
        click.echo("\n".join(_lines(facts)))


def _lines(facts: dict[str, list[dict[str, Any]]]) -> list[str]:
    rows = [*_node_rows(facts), ("peers", _peers(facts["peers"]))]
    rows += [("registry", _registry(one)) for one in facts["registries"]]
    failing = [one for one in facts["edges"] if one["error"]]
    rows += [
        ("failing", f"{one['id']}: {one['error']} (attempt {one['attempts']})")
        for one in failing
    ]
    rows += [("notice", f"{one['author']}: {one['text']}") for one in facts["notices"]]
    return render_table(("", ""), rows).splitlines()[1:]


def _node_rows(facts: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    rows = []
    for daemon in facts["daemon"]:
        started = f"pid {daemon['pid']}, since {daemon['started']}"
        rows.append(("daemon", f"version {daemon['version']}, {started}"))
        rows.append(("config", daemon["configFile"]))
    if not facts["identity"]:
        rows.append(("mesh", "off: KubeSpan is disabled, or has no cluster identity"))
    for identity in facts["identity"]:
        rows.append(("address", identity["address"]))
        rows.append(("public key", identity["publicKey"]))
    for plane in facts["dataPlane"]:
        program = f", {plane['program']} pid {plane['pid']}" if plane["program"] else ""
        rows.append(("wireguard", f"{plane['kind']}{program}: {plane['reason']}"))
    rows += [("public address", one["address"]) for one in facts["publicAddresses"]]
    return rows


def _peers(statuses: list[dict[str, Any]]) -> str:
    states = [one["state"] for one in statuses]
    counts = [f"{states.count(state)} {state}" for state in ("up", "down", "unknown")]
    return f"{len(states)} known: {', '.join(counts)}"


def _registry(one: dict[str, Any]) -> str:
    name = f"{one['registry']}/{one['source']} {one['endpoint']}"
    trouble = f"not connected: {one['error']}" if one["error"] else "connecting"
    state = "connected" if one["connected"] else trouble
    skipped = one["skipped"] + one["skippedEndpoints"]
    broken = f", {skipped} broken records skipped" if skipped else ""
    affiliates = (
        "1 affiliate" if one["affiliates"] == 1 else f"{one['affiliates']} affiliates"
    )
    return f"{name}: {state}, {affiliates}{broken}"
