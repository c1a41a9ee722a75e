"""What this process may do."""

from pathlib import Path
from typing import Final

from kubespan.errors import DriverError

CAP_NET_ADMIN: Final = 12
STATUS: Final = Path("/proc/self/status")


def require_net_admin(operation: str, status: Path = STATUS) -> None:
    """Return if links and routes may be changed.

    Raises:
        DriverError: neither root nor CAP_NET_ADMIN; says what to do.
    """
    if not _effective_capabilities(status) >> CAP_NET_ADMIN & 1:
        reason = "needs root (or the capability CAP_NET_ADMIN): run it with sudo"
        raise DriverError(operation, reason)


def _effective_capabilities(status: Path) -> int:
    """Return the bit mask of effective capabilities; all if nobody says."""
    try:
        lines = status.read_text().splitlines()
    except OSError:
        return -1
    masks = [line.split()[1] for line in lines if line.startswith("CapEff:")]
    return int(masks[0], 16) if masks else -1
