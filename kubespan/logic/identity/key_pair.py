"""The public half of a private key."""

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from kubespan.model.keys import PublicKey, SecretKey


def public_half(private_key: SecretKey) -> PublicKey:
    """Return the Curve25519 public key of a private key, clamped or not."""
    secret = X25519PrivateKey.from_private_bytes(private_key.raw)
    return PublicKey(secret.public_key().public_bytes_raw())
