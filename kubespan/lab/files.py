"""Where a lab keeps its files on the host: readable by root alone."""

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from kubespan.lab.errors import LabError
from kubespan.lab.record import LabRecord, parse_record, render_record

LABS_DIR = Path("/var/lib/kubespan-lab")


@dataclass(frozen=True, slots=True)
class LabFiles:
    """The directory of one lab.

    ::

        lab.json  discovery.log
        node-1/   config.yaml  daemon.log  state/
    """

    directory: Path

    @property
    def discovery_log(self) -> Path:
        """Both outputs of the discovery service, all its runs."""
        return self.directory / "discovery.log"

    def node(self, name: str) -> "NodeFiles":
        """Return the files of one node; the directory is made if need be."""
        files = NodeFiles(self.directory / name)
        files.state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return files

    def write_record(self, record: LabRecord) -> None:
        """Keep a record, all of it or the one before."""
        write_private(self.directory / "lab.json", render_record(record))

    def read_record(self) -> LabRecord:
        """Return the record; `LabError` if there is none or it is broken."""
        try:
            text = (self.directory / "lab.json").read_text(encoding="utf-8")
        except FileNotFoundError as error:
            name = self.directory.name
            raise LabError(f"no lab {name!r}; kubespanctl lab create") from error
        return parse_record(text)

    def remove(self) -> None:
        """Remove the lab's directory, and the directory of labs with the last one."""
        shutil.rmtree(self.directory, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.directory.parent.rmdir()


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """The directory of one node."""

    directory: Path

    @property
    def config(self) -> Path:
        """The node's configuration, with the cluster's secret."""
        return self.directory / "config.yaml"

    @property
    def state_dir(self) -> Path:
        """State directory of the daemon: keys, known affiliates."""
        return self.directory / "state"

    @property
    def log(self) -> Path:
        """Both outputs of the daemon, all its runs."""
        return self.directory / "daemon.log"


def lab_files(name: str) -> LabFiles:
    """Return the files of a lab, whether they exist or not."""
    return LabFiles(LABS_DIR / name)


def make_lab_files(name: str) -> LabFiles:
    """Make the directory of a lab; `LabError` if there is one already."""
    LABS_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    files = lab_files(name)
    try:
        files.directory.mkdir(mode=0o700)
    except FileExistsError as error:
        raise LabError(f"lab {name!r} is there; lab destroy removes it") from error
    return files


def labs_with_files() -> list[str]:
    """Return the names of all labs that have a directory, sorted."""
    if not LABS_DIR.is_dir():
        return []
    return sorted(path.name for path in LABS_DIR.iterdir() if path.is_dir())


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step with one that only root can read."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a log, at most `count`; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 500 * count))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return text.splitlines()[-count:]
