"""The only source of randomness."""

import secrets


class SystemEntropy:
    """The operating system's generator."""

    def random_bytes(self, count: int) -> bytes:
        """Return ``count`` unpredictable bytes."""
        return secrets.token_bytes(count)

    def jitter(self) -> float:
        """Return a number within 0.0 <= x < 1.0, to spread retries."""
        return secrets.randbelow(1 << 32) / (1 << 32)
