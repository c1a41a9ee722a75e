"""One call as the service sees it, whatever carries it."""

from dataclasses import dataclass, field

from discovery.service.client_address import Address

TEXT_CHARACTERS_MAX = 64
CLUSTER_CHARACTERS_MAX = 8
PATIENCE_S = 20.0  # of a call without a deadline; less than a Go client's push has


@dataclass(slots=True)
class Call:
    """Who calls what; collects what a log line should say.

    Attributes:
        method: such as ``Hello``.
        address: of the caller; None if unknown.
        patience_s: how long it can wait for what is not in our hands.
        fields: for the log; text of others, cut to a bounded length.
        turn_ns: when the rate limit let it pass, monotonic; None until then, and until
            then it is not counted and may not make the log grow.
    """

    method: str
    address: Address | None
    patience_s: float = PATIENCE_S
    fields: dict[str, str] = field(default_factory=dict)
    turn_ns: int | None = None

    def note_cluster(self, cluster_id: str) -> None:
        """Remember a cluster by its beginning; the whole ID would let readers in."""
        self.fields["cluster"] = cluster_id[:CLUSTER_CHARACTERS_MAX]

    def note(self, name: str, text: str) -> None:
        """Remember a text for the log."""
        self.fields[name] = text[:TEXT_CHARACTERS_MAX]
