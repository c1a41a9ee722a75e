"""Which clusters are served, and to whom; everything and everybody by default.

Nothing a caller is told, and nothing that is logged, says whether a cluster is unknown
or a token is wrong.
"""

import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from discovery.api import cluster_pb2 as pb
from discovery.service.refusal import NotAdmitted
from discovery.state.limits import CLUSTER_ID_BYTES_MAX

Metadata = Iterable[tuple[str, str | bytes]]
AllowedClusters = frozenset[str]
TokensByCluster = Mapping[str, tuple[bytes, ...]]

HEADER = "authorization"
SCHEME = "Bearer "
COMMENT = "#"


def parse_allowed_clusters(text: str) -> AllowedClusters:
    """Return the cluster IDs of a text: one a line; lines with # are comments.

    Raises:
        ValueError: a line that can be no cluster ID; its number, not its text.
    """
    allowed = set()
    for number, line in _lines(text):
        if len(line.encode()) > CLUSTER_ID_BYTES_MAX:
            raise ValueError(f"line {number} is too long for a cluster ID")
        allowed.add(line)
    return frozenset(allowed)


def parse_cluster_tokens(text: str) -> TokensByCluster:
    """Return the tokens of a text of lines with a cluster ID and a token.

    A cluster may have several lines, so that a token can be replaced while nodes still
    send the old one.

    Raises:
        ValueError: a line is something else; its number, not its text.
    """
    tokens: dict[str, tuple[bytes, ...]] = {}
    for number, line in _lines(text):
        cluster_id, *rest = line.split()
        if len(rest) != 1 or not rest[0].isascii() or not rest[0].isprintable():
            raise ValueError(f"line {number} is not a cluster ID and a token")
        tokens[cluster_id] = (*tokens.get(cluster_id, ()), rest[0].encode())
    return tokens


@dataclass(frozen=True, slots=True)
class Admission:
    """Refuses calls about clusters that are not served to the caller.

    Attributes:
        read_allowed: the clusters served without a token; None: all of them.
        read_tokens: the clusters served with one of their tokens only; None: none.
    """

    read_allowed: Callable[[], AllowedClusters] | None = None
    read_tokens: Callable[[], TokensByCluster] | None = None

    def admit(self, raw: bytes, metadata: Metadata) -> None:
        """Return if a request may be answered.

        Every request names its cluster in field 1, so any of them can be read as the
        shortest. What cannot be read, or names no cluster, is left to its call.

        Raises:
            NotAdmitted: the cluster is not served, or not to this caller.
        """
        if self.read_allowed is None and self.read_tokens is None:
            return
        try:
            cluster_id = pb.ListRequest.FromString(raw).cluster_id
        except DecodeError:
            return
        if cluster_id and not self._is_admitted(cluster_id, metadata):
            raise NotAdmitted("this cluster is not served to you")

    def _is_admitted(self, cluster_id: str, metadata: Metadata) -> bool:
        tokens = self.read_tokens() if self.read_tokens else {}
        if cluster_id in tokens:
            shown = _token_from_metadata(metadata)
            return any(hmac.compare_digest(shown, t) for t in tokens[cluster_id])
        return self.read_allowed is None or cluster_id in self.read_allowed()


def _token_from_metadata(metadata: Metadata) -> bytes:
    for key, value in metadata:
        if key == HEADER and isinstance(value, str) and value.startswith(SCHEME):
            return value.removeprefix(SCHEME).strip().encode()
    return b""


def _lines(text: str) -> Iterable[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped and not stripped.startswith(COMMENT):
            yield number, stripped
