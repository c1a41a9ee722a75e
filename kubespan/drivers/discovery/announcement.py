"""What we say to all discovery services: sealed once per change."""

from dataclasses import dataclass
from typing import Final

from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.drivers.discovery.surroundings import Entropy
from kubespan.errors import WireError
from kubespan.model.affiliate import Affiliate
from kubespan.model.config import DiscoverySettings
from kubespan.model.keys import SecretKey
from kubespan.model.peer import HarvestedEndpoint
from kubespan.protocol.discovery_batch import build_batch
from kubespan.protocol.discovery_records import Update

NONCE_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class DiscoveryDesired:
    """What the services are to be told, and which.

    Attributes:
        local: ourselves, already small enough; None to announce nothing.
        node_id: ours; empty until it is known, then nobody is asked.
        harvested: endpoints seen of others.
    """

    settings: DiscoverySettings
    local: Affiliate | None
    node_id: str
    harvested: tuple[HarvestedEndpoint, ...] = ()


class DiscoveryAnnouncement:
    """The updates to push; the same bytes until there is something else to say.

    Args:
        entropy: where nonces come from.

    Attributes:
        updates: ours first; empty when there is nothing to say.
        problem: what could not be announced; empty if all was.
    """

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._secret: SecretKey | None = None
        self._local: Affiliate | None = None
        self._own: Update | None = None
        self.updates: tuple[Update, ...] = ()
        self.problem = ""

    def change(self, desired: DiscoveryDesired) -> bool:
        """Seal what is new; tell whether the updates became different.

        What cannot be sealed is reported, and the last good record stays announced.
        """
        before, self.problem = self.updates, ""
        secret = desired.settings.cluster_secret
        if desired.local is None or secret is None:
            self._secret = self._local = self._own = None
            self.updates = ()
            return bool(before)
        seals = DiscoverySeals(secret)
        if secret != self._secret or desired.local != self._local:
            self._seal_own(desired.local, secret, seals)
        self.updates = ()
        if self._own is not None:
            batch = build_batch(self._own, seals.seal_harvested(desired.harvested))
            self.updates = batch.updates
            self.problem = "; ".join(filter(None, (self.problem, *batch.problems)))
        return self.updates != before

    def _seal_own(
        self, local: Affiliate, secret: SecretKey, seals: DiscoverySeals
    ) -> None:
        same_node = self._own is not None and self._own.affiliate_id == local.node_id
        if secret != self._secret or not same_node:
            self._own = None
        self._secret = secret
        try:
            nonce = self._entropy.random_bytes(NONCE_BYTES)
            self._own = seals.seal_own(local, nonce)
        except WireError as error:
            self._local = None
            self.problem = f"not announced: {error}"
        else:
            self._local = local
