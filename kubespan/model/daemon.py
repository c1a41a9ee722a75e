"""The daemon itself, as operators ask for it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DaemonStatus:
    """One run of the daemon.

    Attributes:
        started_ns: wall clock.
        config_file, state_dir: as given on the command line.
    """

    version: str
    pid: int
    started_ns: int
    config_file: str
    state_dir: str

    @property
    def key(self) -> str:
        """Always ``daemon``."""
        return "daemon"
