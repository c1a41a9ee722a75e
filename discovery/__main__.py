"""The program ``kubespan-discovery``."""

import asyncio
import importlib.metadata
import os
import signal
import sys
from collections.abc import Sequence

from discovery.settings import PROGRAM, Settings, parse_settings

EXIT_CANNOT_SERVE = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status.

    Raises:
        SystemExit: for ``--help``, ``--version`` and wrong flags.
    """
    given = sys.argv[1:] if arguments is None else arguments
    settings = parse_settings(given, os.environ, importlib.metadata.version("kubespan"))
    # gRPC would repeat on standard error, in its own words, what we say better. It
    # reads this when it is imported, as uvloop and the rest are: after --help.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    import uvloop  # noqa: PLC0415 - see above

    from discovery.drivers.log_lines import set_up_logging  # noqa: PLC0415 - see above
    from discovery.server import CannotServe  # noqa: PLC0415 - see above

    set_up_logging(settings.log_level, settings.log_format)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve_until_signal(settings))
    except CannotServe as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return EXIT_CANNOT_SERVE
    return 0


async def _serve_until_signal(settings: Settings) -> None:
    from discovery.server import serve  # noqa: PLC0415 - gRPC, see main

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


if __name__ == "__main__":
    sys.exit(main())
