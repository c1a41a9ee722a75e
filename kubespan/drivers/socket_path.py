"""Whether a path can be where we listen, said before a library says it badly."""

import socket
from pathlib import Path
from typing import Final

from kubespan.errors import DriverError

PATH_MAX_BYTES: Final = 107
"""``sun_path`` of ``struct sockaddr_un``, and the zero at its end."""
TIMEOUT_S: Final = 1.0


def require_free(path: Path) -> None:
    """Return if a unix socket can be made here; one nobody listens on is in no way.

    Raises:
        DriverError: with what is wrong with the path.
    """
    if reason := _objection(path):
        raise DriverError(f"listen on {path}", reason)


def _objection(path: Path) -> str:
    if len(str(path).encode()) > PATH_MAX_BYTES:
        return f"the path of a socket has at most {PATH_MAX_BYTES} bytes"
    if path.parent.exists() and not path.parent.is_dir():
        return f"{path.parent} is not a directory"
    if path.exists() and not path.is_socket():
        return "something else has that name; name another path or remove it"
    if path.is_socket() and _somebody_listens(path):
        return "another program listens there; end it or name another path"
    return ""


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(TIMEOUT_S)
        try:
            asked.connect(str(path))
        except OSError:
            return False
    return True
