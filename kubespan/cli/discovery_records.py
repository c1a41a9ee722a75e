"""Records of a discovery service as text: opened where that is possible."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kubespan.cli.render import cell_at
from kubespan.protocol.discovery_records import OpenedRecord, SealedRecord

HEADER: Final = (
    "SERVICE",
    "NAME",
    "TYPE",
    "ADDRESS",
    "ADDRESSES",
    "ENDPOINTS",
    "ID",
    "NOTE",
)
SEALED_HEADER: Final = ("SERVICE", "ID", "DATA", "ENDPOINTS", "BEGINS WITH")
PREFIX_BYTES: Final = 16
"""How much of what is sealed is shown."""
KNOWN_MAX: Final = 1 << 16

Opener = Callable[[SealedRecord], OpenedRecord]


def plain_from_record(
    service: str, sealed: SealedRecord, opener: Opener | None
) -> dict[str, Any]:
    """Return a record as a mapping; without ``opener`` only what anybody can see."""
    plain: dict[str, Any] = {
        "service": service,
        "id": sealed.affiliate_id,
        "sealed": {
            "bytes": len(sealed.data),
            "endpoints": len(sealed.endpoints),
            "beginsWith": sealed.data[:PREFIX_BYTES].hex(),
        },
    }
    if opener is not None:
        from kubespan.api.messages import affiliate
        from kubespan.api.yaml_form import plain_from_message

        opened = opener(sealed)
        inside = opened.affiliate
        plain["affiliate"] = inside and plain_from_message(affiliate(inside))
        plain["note"] = _note(opened)
    return plain


def header(*, opened: bool) -> tuple[str, ...]:
    """Return the header of a table of records."""
    return HEADER if opened else SEALED_HEADER


def row(plain: dict[str, Any]) -> list[str]:
    """Return a record as a row of the table that fits it."""
    if "affiliate" in plain:
        return _opened_row(plain)
    paths = ("service", "id", "sealed.bytes", "sealed.endpoints", "sealed.beginsWith")
    return [cell_at(plain, path) for path in paths]


def _opened_row(plain: dict[str, Any]) -> list[str]:
    inside = plain["affiliate"] or {}
    name = inside.get("hostname") or inside.get("nodename") or "-"
    paths = ("machineType", "kubespan.address", "addresses", "kubespan.endpoints")
    cells = [cell_at(inside, path) or "-" for path in paths]
    return [plain["service"], name, *cells, plain["id"], plain["note"]]


def _note(opened: OpenedRecord) -> str:
    if not opened.sealed.data:
        endpoints = _count(len(opened.sealed.endpoints), "endpoint")
        return f"no data; {endpoints} told by others"
    if opened.affiliate is None:
        return "does not open with this cluster's secret"
    if opened.affiliate.node_id != opened.sealed.affiliate_id:
        return f"says it is {opened.affiliate.node_id}"
    if opened.skipped_endpoints:
        return f"unreadable: {_count(opened.skipped_endpoints, 'endpoint')}"
    return ""


@dataclass(slots=True)
class WatchStory:
    """Tells what each message of one service's watch means.

    Attributes:
        service: its name.
        opener: opens records; None shows them sealed.
    """

    service: str
    opener: Opener | None
    _known: set[str] = field(default_factory=set)
    _begun: bool = False

    def tell(
        self, records: Sequence[SealedRecord], *, deleted: bool
    ) -> list[dict[str, Any]]:
        """Return one event per record; the first message is the snapshot."""
        events = [self._event(record, deleted=deleted) for record in records]
        if self._begun:
            return events
        self._begun = True
        start = {"event": "snapshot", "service": self.service, "count": len(events)}
        return [start, *events]

    def _event(self, record: SealedRecord, *, deleted: bool) -> dict[str, Any]:
        known = record.affiliate_id in self._known
        if deleted:
            self._known.discard(record.affiliate_id)
            return _told("destroyed", self.service, record)
        if len(self._known) < KNOWN_MAX:
            self._known.add(record.affiliate_id)
        plain = plain_from_record(self.service, record, self.opener)
        return {"event": "updated" if known else "created", **plain}


def _told(event: str, service: str, record: SealedRecord) -> dict[str, Any]:
    return {"event": event, "service": service, "id": record.affiliate_id}


def line(event: dict[str, Any], time: str) -> str:
    """Return an event on one line: when, where, what."""
    start = f"{time}  {event['service']}  "
    match event["event"]:
        case "snapshot":
            return f"{start}snapshot: {_count(event['count'], 'affiliate')}"
        case "destroyed":
            return f"{start}- {event['id']}"
    sign = "+" if event["event"] == "created" else "~"
    return f"{start}{sign} {_summary(event)}"


def _summary(event: dict[str, Any]) -> str:
    if "affiliate" in event:
        _service, *rest = row(event)
        return "  ".join(cell for cell in rest if cell not in ("", "-"))
    sealed = event["sealed"]
    endpoints = _count(sealed["endpoints"], "endpoint")
    return f"{event['id']}  {sealed['bytes']} bytes, {endpoints}"


def _count(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
