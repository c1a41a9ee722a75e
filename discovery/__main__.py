"""The program ``kubespan-discovery``."""

import asyncio
import importlib.metadata
import os
import signal
import sys
import threading
from collections.abc import Sequence

from discovery.settings import PROGRAM, Settings, parse_settings

EXIT_CANNOT_SERVE = 1
SNAPSHOT_COMMAND = "snapshot"
# For everything that comes after the watches have ended; then no disk, however slow,
# keeps the process from ending.
STOP_S_MAX = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    Raises:
        SystemExit: for ``--help``, ``--version`` and wrong flags.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if given and given[0] == SNAPSHOT_COMMAND:
        return _run_snapshot_command(given[1:])
    settings = parse_settings(given, os.environ, importlib.metadata.version("kubespan"))
    # gRPC would repeat on standard error, in its own words, what we say better. It
    # reads this when it is imported, as uvloop and the rest are: after --help.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import uvloop  # noqa: PLC0415 - see above

    from discovery.drivers.file_limit import (  # noqa: PLC0415 - see above
        raise_file_limit,
    )
    from discovery.drivers.garbage import (  # noqa: PLC0415 - see above
        look_for_garbage_less,
    )
    from discovery.drivers.log_lines import set_up_logging  # noqa: PLC0415 - see above
    from discovery.server import CannotServe  # noqa: PLC0415 - see above

    set_up_logging(settings.log_level, settings.log_format)
    raise_file_limit()
    look_for_garbage_less()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_until_signal(settings))
    except CannotServe as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return EXIT_CANNOT_SERVE
    return 0


def _run_snapshot_command(arguments: Sequence[str]) -> int:
    from discovery.commands.snapshot import (  # noqa: PLC0415 - nothing of it to serve
        run_snapshot_command,
    )

    return run_snapshot_command(arguments)


async def _serve_until_signal(settings: Settings) -> None:
    """Drain at the first signal, stop at once at the second."""
    from discovery.server import serve  # noqa: PLC0415 - gRPC, see main

    stop, hurry = asyncio.Event(), asyncio.Event()

    def signalled() -> None:
        if stop.is_set():
            hurry.set()
            return
        stop.set()
        _end_for_sure(settings.drain_s + STOP_S_MAX)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, signalled)
    await serve(settings, stop, hurry=hurry)


def _end_for_sure(after_s: float) -> None:
    """End this process after a time, whatever hangs."""
    timer = threading.Timer(after_s, os._exit, (EXIT_CANNOT_SERVE,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    sys.exit(main())
