"""The programs the lab runs, and what to say when one is not there."""

import os
import shutil

from kubespan.lab.errors import LabError

PACKAGE_BY_PROGRAM = {
    "ip": "iproute2",
    "mount": "mount",
    "nft": "nftables",
    "nsenter": "util-linux",
    "ping": "iputils-ping",
    "setsid": "util-linux",
    "tcpdump": "tcpdump",
    "unshare": "util-linux",
}
BUILDING = ("ip", "mount", "nft", "nsenter", "setsid", "unshare")
SHOWING = ("ping", "tcpdump")


def refuse_without(programs: tuple[str, ...]) -> None:
    """Raise `LabError` unless this is root and every program is on PATH."""
    refuse_without_root()
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        packages = sorted({PACKAGE_BY_PROGRAM[name] for name in missing})
        raise LabError(
            f"missing {', '.join(missing)}: install {' '.join(packages)} "
            f"(Debian: apt-get install {' '.join(packages)})"
        )


def refuse_without_root() -> None:
    """Raise `LabError` unless this is root."""
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces and needs root: try sudo")
