"""Seals what we say of ourselves and of others, opens what others say.

Source:
    kubespan.md section 3.4.
"""

from collections.abc import Iterable
from dataclasses import replace

from kubespan.errors import WireError
from kubespan.model.affiliate import Affiliate
from kubespan.model.constants import ENDPOINTS_MAX
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import SecretKey
from kubespan.model.peer import HarvestedEndpoint
from kubespan.protocol.discovery_records import OpenedRecord, SealedRecord, Update
from kubespan.wire.affiliate import (
    decode_affiliate,
    decode_endpoint,
    encode_affiliate,
    encode_endpoint,
)
from kubespan.wire.sealing import Sealer


class DiscoverySeals:
    """Works with one cluster secret."""

    def __init__(self, secret: SecretKey) -> None:
        self._sealer = Sealer(secret)

    def open(self, sealed: SealedRecord) -> OpenedRecord:
        """Return what is inside; endpoints that make no sense are counted, not kept.

        Without a public key there are no endpoints, whatever came with it.
        """
        try:
            affiliate = decode_affiliate(self._sealer.open_data(sealed.data))
        except WireError:
            return OpenedRecord(sealed, None)
        if not affiliate.kubespan.public_key:
            return OpenedRecord(sealed, affiliate)
        endpoints = self._open_endpoints(sealed.endpoints[:ENDPOINTS_MAX])
        kubespan = replace(affiliate.kubespan, endpoints=endpoints)
        skipped = len(sealed.endpoints) - len(endpoints)
        return OpenedRecord(sealed, replace(affiliate, kubespan=kubespan), skipped)

    def seal_own(self, local: Affiliate, nonce: bytes) -> Update:
        """Return our record, sealed.

        Args:
            local: ourselves, endpoints included.
            nonce: 12 random bytes, never used before with this secret.

        Raises:
            WireError: larger than services accept.
        """
        data = self._sealer.seal_data(encode_affiliate(local), nonce)
        if not local.kubespan.public_key:
            return Update(local.node_id, data)
        return Update(
            local.node_id, data, self._seal_endpoints(local.kubespan.endpoints)
        )

    def seal_harvested(
        self, harvested: Iterable[HarvestedEndpoint]
    ) -> dict[str, list[bytes]]:
        """Return sealed endpoints by affiliate ID, in the order of public keys."""
        sealed: dict[str, list[bytes]] = {}
        for item in sorted(harvested, key=lambda item: item.key):
            blobs = self._seal_endpoints((item.endpoint,))
            sealed.setdefault(item.affiliate_id, []).extend(blobs)
        return sealed

    def _open_endpoints(self, blobs: Iterable[bytes]) -> tuple[Endpoint, ...]:
        endpoints = []
        for blob in blobs:
            try:
                endpoints.append(decode_endpoint(self._sealer.open_endpoint(blob)))
            except WireError:
                continue
        return tuple(endpoints)

    def _seal_endpoints(self, endpoints: Iterable[Endpoint]) -> tuple[bytes, ...]:
        """Seal what can be: an IPv6 address with a long zone cannot, and is no loss."""
        sealed = []
        for endpoint in endpoints:
            try:
                sealed.append(self._sealer.seal_endpoint(encode_endpoint(endpoint)))
            except WireError:
                continue
        return tuple(sealed)
