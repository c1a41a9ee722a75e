"""``kubespan-discovery snapshot dump|check``: look into the files of a service.

Only reads. Cluster IDs are shown whole: whoever may read the file may know them.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from discovery.commands.checking import check_snapshot
from discovery.commands.dumping import dump_as_json, dump_as_text
from discovery.drivers.checksum_file import read_checksums
from discovery.drivers.log_segments import LogSegments
from discovery.drivers.snapshot_file import SnapshotFiles
from discovery.drivers.snapshot_reading import read_snapshot
from discovery.settings import PROGRAM, Settings
from discovery.state.revival import Revival

EXIT_DAMAGED = 1
PATH_VARIABLE = "KUBESPAN_DISCOVERY_SNAPSHOT_PATH"


def run_snapshot_command(arguments: Sequence[str]) -> int:
    """Run one command; return the exit status: 0, or 1 if something is damaged.

    Args:
        arguments: what follows the word ``snapshot``.

    Raises:
        SystemExit: for ``--help`` and wrong arguments.
    """
    options = _parser().parse_args(arguments)
    path = Path(options.file or _default_path())
    try:
        if options.command == "check":
            return check_snapshot(path, sys.stdout)
        return _dump(path, sys.stdout, as_json=options.json)
    except BrokenPipeError:
        # Whoever reads has read enough; nor may the interpreter try again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        _complain(f"{path}: {error.strerror or error}")
        return EXIT_DAMAGED


def _default_path() -> str:
    return os.environ.get(PATH_VARIABLE) or str(Settings().snapshot_path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} snapshot",
        description="Looks into a snapshot, ours or of the official service.",
        epilog="Exit status: 0 all is well, 1 something is damaged or not readable.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    dump = commands.add_parser("dump", help="print what is in it")
    dump.add_argument("--json", action="store_true", help="as JSON, with sealed data")
    check = commands.add_parser(
        "check", help="tell whether it and the files beside it are whole"
    )
    for command in (dump, check):
        command.add_argument(
            "file",
            nargs="?",
            metavar="FILE",
            help=f"default: ${PATH_VARIABLE} or {Settings().snapshot_path}",
        )
    return parser


def _dump(path: Path, out: TextIO, *, as_json: bool) -> int:
    checksums = read_checksums(SnapshotFiles(path).checksums)
    reading = read_snapshot(path, checksums, Revival.as_written)
    (dump_as_json if as_json else dump_as_text)(reading, out)
    out.flush()
    for segment in LogSegments(path).list():
        _complain(f"{segment} has later changes, which are not shown")
    if reading.unreadable:
        _complain(f"{reading.unreadable} affiliates whose ID is no text are not shown")
    if not reading.is_whole:
        _complain(
            f"{path} is damaged: {reading.problem}; see '{PROGRAM} snapshot check'"
        )
        return EXIT_DAMAGED
    return 0


def _complain(text: str) -> None:
    sys.stderr.write(f"{PROGRAM}: {text}\n")
