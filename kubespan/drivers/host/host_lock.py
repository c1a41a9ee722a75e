"""One mesh a host: two daemons would take the link from each other for ever.

The lock is an abstract unix socket: it belongs to the network namespace, as link,
routes and firewall do, whatever file systems its daemons see, and it goes with its
holder, however that ends.
"""

import logging
import os
import socket
import struct
from typing import Final, Self

from kubespan.errors import DriverError

log = logging.getLogger(__name__)

NAME: Final = "kubespan.daemon"
TIMEOUT_S: Final = 1.0
_CREDENTIALS: Final = struct.Struct("=iII")
_ADVICE: Final = "stop it first; one daemon keeps all of a host's mesh"


class HostLock:
    """Ours alone in this network namespace while it is open.

    Any user may take a name of this kind. One who is neither root nor ours does not
    keep the mesh from starting: the lock is then done without, and the log says so.

    Args:
        name: of the socket.
    """

    def __init__(self, name: str = NAME) -> None:
        """Take the lock.

        Raises:
            DriverError: another daemon has it.
        """
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.bind(f"\0{name}")
            self._socket.listen()
        except OSError as error:
            self._socket.close()
            _refuse(name, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another daemon run; harmless when repeated."""
        self._socket.close()


def _refuse(name: str, error: OSError) -> None:
    """Say who has the lock; return if it is nobody who may."""
    pid, user = _holder(name)
    if user in (0, os.geteuid()):
        who = f"process {pid}" if pid else "another process"
        reason = f"{who} has the mesh of this host; {_ADVICE}"
        raise DriverError("run the mesh", reason, error.errno)
    log.warning("process %d of user %d holds our lock; going on without", pid, user)


def _holder(name: str) -> tuple[int, int]:
    """Return process and user of the one who listens; ours if nobody answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        asked.settimeout(TIMEOUT_S)
        try:
            asked.connect(f"\0{name}")
            level, option = socket.SOL_SOCKET, socket.SO_PEERCRED
            raw = asked.getsockopt(level, option, _CREDENTIALS.size)
        except OSError:
            return 0, os.geteuid()
    pid, user, _ = _CREDENTIALS.unpack(raw)
    return pid, user
