"""How one discovery service's news reach the store: changes only."""

from ipaddress import IPv6Address

from kubespan.engine.edges import Publisher
from kubespan.model.address import IPAddress
from kubespan.model.affiliate import Registry, RegistryAffiliate
from kubespan.model.registry import PublicAddress, RegistryStatus
from kubespan.protocol.discovery_roster import RosterChanges


class DiscoveryOutlet:
    """Publishes in the name of one service; outlives the client behind it.

    Args:
        source: the service's name.
        publisher: the store's door.
    """

    def __init__(self, source: str, publisher: Publisher) -> None:
        self._source = source
        self._publisher = publisher
        self._node_ids: set[str] = set()
        self._status: RegistryStatus | None = None
        self._warned: set[str] = set()

    def begin(self, changes: RosterChanges) -> None:
        """Say what a new client starts with; what the last one said beside it, goes."""
        known = {listing.affiliate.node_id for listing in changes.put}
        gone = tuple(sorted(self._node_ids - known))
        self.publish_affiliates(RosterChanges(changes.put, gone))

    def publish_affiliates(self, changes: RosterChanges) -> None:
        """Say what became different."""
        put = [
            RegistryAffiliate(
                Registry.SERVICE, self._source, listing.affiliate, listing.missing
            )
            for listing in changes.put
        ]
        remove = [self._affiliate_key(node_id) for node_id in changes.removed]
        self._publisher.patch(RegistryAffiliate, put, remove)
        self._node_ids.update(item.affiliate.node_id for item in put)
        self._node_ids.difference_update(changes.removed)

    def publish_status(self, status: RegistryStatus) -> None:
        """Say how the service is doing."""
        if status != self._status:
            self._publisher.patch(RegistryStatus, (status,))
            self._status = status

    def publish_address(self, address: IPAddress) -> None:
        """Say where the service sees us."""
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        self._publisher.patch(
            PublicAddress, (PublicAddress(self._source, mapped or address),)
        )

    def warn(self, subject: str, text: str) -> None:
        """Tell operators something of this service; empty withdraws it."""
        subject = f"{self._source} {subject}"
        self._publisher.warn(subject, f"{self._source}: {text}" if text else "")
        self._warned.add(subject)

    def withdraw(self) -> None:
        """Say nothing any more: the service is not configured."""
        keys = [self._affiliate_key(node_id) for node_id in self._node_ids]
        self._publisher.patch(RegistryAffiliate, remove=keys)
        status_key = f"{Registry.SERVICE}/{self._source}"
        self._publisher.patch(RegistryStatus, remove=(status_key,))
        self._publisher.patch(PublicAddress, remove=(self._source,))
        for subject in self._warned:
            self._publisher.warn(subject, "")

    def _affiliate_key(self, node_id: str) -> str:
        return f"{Registry.SERVICE}/{self._source}/{node_id}"
