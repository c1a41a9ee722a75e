"""What we show a discovery service that asks who we are: read anew each time.

The official service asks nobody, and neither does ours unless it is told to.
"""

from pathlib import Path
from typing import Final

from kubespan.drivers.discovery.channel import CallFailed
from kubespan.model.config import DiscoveryService

TOKEN_MAX_BYTES: Final = 4096


def read_token(service: DiscoveryService) -> str:
    """Return the token to show; empty for a service without one.

    Raises:
        CallFailed: the file cannot be read, or what is in it is no token. What it
            holds is in no text.
    """
    path = service.token_file
    if not path:
        return ""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(TOKEN_MAX_BYTES + 1)
    except OSError as error:
        reason = f"token file {path}: {error.strerror}"
        raise CallFailed("read token file", reason) from error
    token = raw.strip()
    if len(raw) > TOKEN_MAX_BYTES or not is_token(token.decode("latin-1")):
        reason = f"token file {path}: not one word of printable ASCII"
        raise CallFailed("read token file", reason)
    return token.decode()


def is_token(text: str) -> bool:
    """Tell whether text can be shown as a token: one word of printable ASCII."""
    return text.isascii() and text.isprintable() and text != "" and " " not in text
