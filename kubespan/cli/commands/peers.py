"""``kubespanctl peers``: how every peer is, why, and what happens next."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kubespan.cli.commands.get import output_options
from kubespan.cli.render import (
    render_age,
    render_bytes,
    render_json,
    render_json_line,
    render_table,
    render_yaml,
)

HEADER = ("NAME", "STATE", "ENDPOINT", "HANDSHAKE", "RX", "TX", "NEXT")
WIDE_HEADER = (*HEADER, "ADDRESS", "PUBLIC KEY")
UNSET_YEAR = 1
KIND = "peeroutlooks"


@click.command()
@output_options
@click.pass_obj
def peers(socket: Path, output: str, watch: bool) -> None:
    """Every other node of the mesh: state, endpoint, last handshake, traffic.

    For a peer that is not up, NEXT says why and what the daemon will try and when.
    """
    from kubespan.cli.client import Client
    from kubespan.drivers.clock import SystemClock

    clock = SystemClock()
    with closing(Client(socket)) as client:
        if watch:
            _follow(client, output, clock)
            return
        outlooks = [_plain(resource) for resource in client.list(KIND).resources]
    click.echo(_rendered(outlooks, output, clock.now_ns() / 1e9))


def _follow(client: Any, output: str, clock: Any) -> None:
    """Print the whole table again after each change; documents one by one."""
    by_key: dict[str, dict[str, Any]] = {}
    bootstrapped = False
    for event in client.watch(KIND):
        plain = _plain(event.resource) if event.HasField("resource") else {}
        if output in ("json", "yaml") and plain:
            render = render_json_line if output == "json" else render_yaml
            click.echo(render(plain))
            continue
        bootstrapped = bootstrapped or not plain
        if plain:
            by_key[plain["publicKey"]] = plain
            if event.event == event.DESTROYED:
                del by_key[plain["publicKey"]]
        if bootstrapped and output in ("table", "wide"):
            click.clear()
            click.echo(_rendered(list(by_key.values()), output, clock.now_ns() / 1e9))


def _plain(resource: Any) -> dict[str, Any]:
    from kubespan.api.yaml_form import plain_from_message

    spec = plain_from_message(resource.peer_outlook)
    return {**spec, "publicKey": resource.metadata.id}


def _rendered(outlooks: list[dict[str, Any]], output: str, now_s: float) -> str:
    outlooks = sorted(outlooks, key=lambda outlook: outlook["name"])
    if output == "json":
        return render_json(outlooks)
    if output == "yaml":
        return render_yaml(outlooks)
    if not outlooks:
        return "no peers: no other node has published itself (see `kubespanctl status`)"
    rows = [_row(outlook, now_s) for outlook in outlooks]
    if output == "wide":
        pairs = zip(rows, outlooks, strict=True)
        rows = [[*row, one["address"], one["publicKey"]] for row, one in pairs]
        return render_table(WIDE_HEADER, rows)
    return render_table(HEADER, rows)


def _row(outlook: dict[str, Any], now_s: float) -> list[str]:
    handshake_s = _seconds(outlook["lastHandshakeTime"])
    age = "never" if handshake_s is None else f"{render_age(now_s - handshake_s)} ago"
    return [
        outlook["name"],
        outlook["state"],
        outlook["endpoint"] or "-",
        age,
        render_bytes(outlook["receiveBytes"]),
        render_bytes(outlook["transmitBytes"]),
        _next(outlook, now_s),
    ]


def _next(outlook: dict[str, Any], now_s: float) -> str:
    """Return why a peer is not up and what comes next; empty for one that is."""
    words = [outlook["reason"]] if outlook["reason"] else []
    attempt_s = _seconds(outlook["nextAttempt"])
    if attempt_s is not None:
        target = outlook["nextEndpoint"]
        verb = f"try {target}" if target else "look again"
        words.append(f"{verb} in {render_age(attempt_s - now_s)}")
    return "; ".join(words)


def _seconds(text: str) -> float | None:
    """Return an RFC 3339 time as seconds since the epoch; None when unset."""
    moment = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    return None if moment.year == UNSET_YEAR else moment.timestamp()
