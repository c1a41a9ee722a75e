"""Affiliates and endpoints to ciphertext the discovery service stores, and back.

Affiliate data is AES-GCM: ``nonce(12) || ciphertext || tag(16)``, no associated data.
Endpoints are AES block by block, deterministic on purpose: the service drops
duplicates it cannot read.

Source:
    kubespan.md section 3.4; discovery.md section 5.6.
"""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from kubespan.errors import WireError
from kubespan.model.constants import AFFILIATE_DATA_MAX_BYTES, ENDPOINT_BLOB_MAX_BYTES
from kubespan.model.keys import SecretKey

NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
SEAL_OVERHEAD_BYTES: Final = NONCE_BYTES + TAG_BYTES
_BLOCK_BYTES: Final = 16


class Sealer:
    """Seals and opens with one cluster secret; not for several threads at once."""

    def __init__(self, secret: SecretKey) -> None:
        # Kept: a new cipher costs 4 µs, a block in a kept one 0.2 µs.
        self._gcm = AESGCM(secret.raw)
        blocks = Cipher(AES(secret.raw), ECB())  # noqa: S305 equal endpoints must look equal
        self._encryptor = blocks.encryptor()
        self._decryptor = blocks.decryptor()

    def seal_data(self, plain: bytes, nonce: bytes) -> bytes:
        """Return ``plain`` sealed, 28 bytes longer.

        Args:
            plain: an encoded affiliate.
            nonce: 12 random bytes, never used before with this secret.

        Raises:
            WireError: the result would exceed what services accept (2048 bytes).
        """
        if len(nonce) != NONCE_BYTES:
            raise ValueError(f"nonce: {len(nonce)} bytes, not {NONCE_BYTES}")
        size_bytes = len(plain) + SEAL_OVERHEAD_BYTES
        if size_bytes > AFFILIATE_DATA_MAX_BYTES:
            raise WireError(
                f"affiliate: {size_bytes} sealed bytes,"
                f" more than {AFFILIATE_DATA_MAX_BYTES}"
            )
        return nonce + self._gcm.encrypt(nonce, plain, None)

    def open_data(self, blob: bytes) -> bytes:
        """Return the encoded affiliate.

        Raises:
            WireError: wrong size, changed on the way, or sealed with another secret.
        """
        if not SEAL_OVERHEAD_BYTES <= len(blob) <= AFFILIATE_DATA_MAX_BYTES:
            raise WireError(f"sealed affiliate: {len(blob)} bytes")
        try:
            return self._gcm.decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], None)
        except InvalidTag as error:
            raise WireError("sealed affiliate: not sealed with our secret") from error

    def seal_endpoint(self, plain: bytes) -> bytes:
        """Return 16 or 32 bytes, the same for the same endpoint.

        Raises:
            WireError: empty (it would crash other clients), or longer than 31 bytes.
        """
        if not 1 <= len(plain) < ENDPOINT_BLOB_MAX_BYTES:
            raise WireError(f"endpoint: {len(plain)} bytes cannot be sealed")
        framed = bytes([len(plain)]) + plain
        return self._encryptor.update(framed + bytes(-len(framed) % _BLOCK_BYTES))

    def open_endpoint(self, blob: bytes) -> bytes:
        """Return the encoded endpoint.

        Nothing authenticates it; length byte and padding are all that can be checked.

        Raises:
            WireError: wrong size, length byte or padding.
        """
        aligned = len(blob) % _BLOCK_BYTES == 0
        if not blob or not aligned or len(blob) > ENDPOINT_BLOB_MAX_BYTES:
            raise WireError(f"sealed endpoint: {len(blob)} bytes")
        framed = self._decryptor.update(blob)
        end = 1 + framed[0]
        if not 1 < end <= len(framed) or any(framed[end:]):
            raise WireError("sealed endpoint: not sealed with our secret")
        return framed[1:end]
