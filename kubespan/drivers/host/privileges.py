"""What this process may do."""

import errno
import fcntl
import os
import resource
from pathlib import Path
from typing import Final

from kubespan.errors import DriverError

CAP_NET_ADMIN: Final = 12
STATUS: Final = Path("/proc/self/status")
NETWORK: Final = Path("/proc/self/ns/net")
NS_GET_USERNS: Final = 0xB701
"""<linux/nsfs.h>: opens the user namespace that owns a namespace, if we rule it."""


def require_net_admin(
    operation: str, status: Path = STATUS, network: Path = NETWORK
) -> None:
    """Return if links and routes may be changed.

    Raises:
        DriverError: neither root nor CAP_NET_ADMIN, or only in a user namespace that
            does not own the network; says what to do.
    """
    if not _effective_capabilities(status) >> CAP_NET_ADMIN & 1:
        reason = "needs root (or the capability CAP_NET_ADMIN): run it with sudo"
        raise DriverError(operation, reason)
    if not _rules_over(network):
        reason = (
            "this user namespace has no power over the network it sees: start it from"
            " outside, or in a network namespace of its own"
        )
        raise DriverError(operation, reason)


def forbid_core_dumps() -> None:
    """Keep keys out of core files: of this process and of every one it starts."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _effective_capabilities(status: Path) -> int:
    """Return the bit mask of effective capabilities; all if nobody says."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return -1
    masks = [line.split()[1] for line in lines if line.startswith("CapEff:")]
    return int(masks[0], 16) if masks else -1


def _rules_over(network: Path) -> bool:
    """Tell whether our user namespace owns a namespace; yes if nobody says."""
    try:
        opened = os.open(network, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        os.close(fcntl.ioctl(opened, NS_GET_USERNS))
    except OSError as error:
        return error.errno != errno.EPERM
    finally:
        os.close(opened)
    return True
