"""What a server has used, from ``/proc``: it, its threads and its children."""

import os
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_RESET_PEAK = "5"


@dataclass(frozen=True, slots=True)
class Usage:
    """Since the process began.

    Attributes:
        cpu_s: user and system, in steps of 10 ms.
        rss_bytes: resident now.
        peak_rss_bytes: the most resident since ``forget_peak``.
    """

    cpu_s: float
    rss_bytes: int
    peak_rss_bytes: int


def usage(pid: int) -> Usage:
    """Return what a process and all its descendants use.

    Raises:
        OSError: there is no such process.
    """
    (PROC / str(pid) / "stat").read_bytes()
    family = _family(pid)
    cpu_ticks = sum(_cpu_ticks(member) for member in family)
    return Usage(
        cpu_s=cpu_ticks / TICKS_PER_S,
        rss_bytes=sum(_status_bytes(member, "VmRSS") for member in family),
        peak_rss_bytes=sum(_status_bytes(member, "VmHWM") for member in family),
    )


def forget_peak(pid: int) -> None:
    """Let ``peak_rss_bytes`` begin anew; without effect where that is not allowed."""
    for member in _family(pid):
        try:
            (PROC / str(member) / "clear_refs").write_text(_RESET_PEAK)
        except OSError:
            continue


def _family(pid: int) -> list[int]:
    """The process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    family = [pid]
    for member in family:
        family += children.get(member, [])
    return family


def _stat(pid: int) -> list[str]:
    """Fields of ``stat`` from the third on; empty if the process is gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _cpu_ticks(pid: int) -> int:
    """User and system time, with that of children that ended."""
    return sum(map(int, _stat(pid)[11:15]))


def _status_bytes(pid: int, name: str) -> int:
    try:
        text = (PROC / str(pid) / "status").read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0
