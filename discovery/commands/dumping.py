"""A snapshot as text or as JSON; sealed records stay sealed."""

import json
from typing import Any, TextIO

from discovery.drivers.snapshot_reading import SnapshotReading
from discovery.state.affiliate import Affiliate, Endpoint
from discovery.state.limits import NS_PER_S
from discovery.state.snapshot import StoredCluster


def dump_as_text(reading: SnapshotReading, out: TextIO) -> None:
    """Write a line for each cluster, affiliate and endpoint."""
    for cluster in reading.clusters:
        out.write(f"cluster {_quoted(cluster.id)}\n")
        for affiliate in cluster.affiliates:
            left = _seconds(affiliate.expires_ns)
            out.write(
                f"  affiliate {_quoted(affiliate.id)}: {len(affiliate.data)} bytes, "
                f"{left} s left\n"
            )
            for endpoint in affiliate.endpoints:
                left = _seconds(endpoint.expires_ns)
                out.write(f"    endpoint {endpoint.data.hex()}: {left} s left\n")


def dump_as_json(reading: SnapshotReading, out: TextIO) -> None:
    """Write one document; bytes are hexadecimal, lifetimes what was left of them."""
    out.write('{\n  "clusters": [')
    separator = "\n"
    for cluster in reading.clusters:
        text = json.dumps(_cluster(cluster), indent=2)
        out.write(separator + "    " + text.replace("\n", "\n    "))
        separator = ",\n"
    out.write("\n  ]\n}\n")


def _cluster(cluster: StoredCluster) -> dict[str, Any]:
    return {
        "id": _printable(cluster.id),
        "affiliates": [_affiliate(affiliate) for affiliate in cluster.affiliates],
    }


def _affiliate(affiliate: Affiliate) -> dict[str, Any]:
    return {
        "id": affiliate.id,
        "ttl_s": _seconds(affiliate.expires_ns),
        "data_bytes": len(affiliate.data),
        "data": affiliate.data.hex(),
        "endpoints": [_endpoint(endpoint) for endpoint in affiliate.endpoints],
    }


def _endpoint(endpoint: Endpoint) -> dict[str, Any]:
    return {"data": endpoint.data.hex(), "ttl_s": _seconds(endpoint.expires_ns)}


def _seconds(left_ns: int) -> float:
    seconds = left_ns / NS_PER_S
    return int(seconds) if seconds.is_integer() else seconds


def _quoted(text: str) -> str:
    return json.dumps(_printable(text))


def _printable(text: str) -> str:
    """Return text in which bytes that are no UTF-8 are replaced."""
    return text.encode(errors="surrogateescape").decode(errors="replace")
