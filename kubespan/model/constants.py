"""Numbers both ends of a mesh must share, each from the KubeSpan specification.

Source:
    kubespan.md section 0.3, unless another section is named.
"""

from typing import Final

LINK_NAME: Final = "kubespan"
LISTEN_PORT: Final = 51820
MARK_WIREGUARD: Final = 0x20
"""On every encrypted packet WireGuard sends: leave it alone."""
MARK_FORCE: Final = 0x40
"""Force the packet into the mesh."""
MARK_MASK: Final = MARK_WIREGUARD | MARK_FORCE
ROUTING_TABLE: Final = 180
ROUTE_METRIC: Final = 1
UNREACHABLE_METRIC: Final = 65535
"""Behind every route into the mesh; not Talos'."""
RULE_PRIORITY: Final = 32500
PROTOCOL_STATIC: Final = 4
"""``proto static`` of routes and rules, section 4.7."""
KEEPALIVE_S: Final = 25
MTU_DEFAULT_BYTES: Final = 1420
MTU_MIN_BYTES: Final = 1280

ENDPOINT_TRIAL_S: Final = 15.0
"""How long a new endpoint may stay silent, section 4.3."""
PEER_DOWN_S: Final = 275.0
"""Reject-after 180 + rekey timeout 5 + rekey attempts 90, section 4.3."""

DISCOVERY_TTL_S: Final = 1800
AFFILIATE_DATA_MAX_BYTES: Final = 2048
"""Nonce and tag included, section 3.8."""
ENDPOINT_BLOB_MAX_BYTES: Final = 32
ENDPOINTS_MAX: Final = 64
AFFILIATES_MAX: Final = 1024
ID_MAX_BYTES: Final = 256
DISCOVERY_ENDPOINT_DEFAULT: Final = "https://discovery.talos.dev/"

NFT_TABLE_DEFAULT: Final = "kubespan"
"""Ours alone: ``inet talos`` belongs to Talos."""
