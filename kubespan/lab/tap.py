"""Listen on a wire of the lab with tcpdump while something happens."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kubespan.lab.errors import LabError
from kubespan.lab.place import Place, Running

READY = b"listening on"


@dataclass(slots=True)
class Tap:
    """A capture; `content` is the pcap file once the block has ended."""

    content: bytes = field(default=b"", repr=False)


@contextmanager
def listening(
    place: Place, interface: str, expression: str, file: Path
) -> Iterator[Tap]:
    """Capture on an interface of a place for the length of a block.

    Args:
        place: where the interface is.
        interface: what to listen on.
        expression: tcpdump's filter, such as ``host 198.18.1.2``.
        file: where to write meanwhile, on the host; removed afterwards.

    Raises:
        LabError: tcpdump does not start.
    """
    options = ["-i", interface, "--immediate-mode", "-U", "-n", "-Z", "root"]
    running = place.spawn(["tcpdump", *options, "-w", str(file), *expression.split()])
    tap = Tap()
    try:
        _await_ready(running)
        yield tap
        running.stop()
        tap.content = file.read_bytes()
    finally:
        if running.is_running:
            running.stop()
        file.unlink(missing_ok=True)


def _await_ready(running: Running) -> None:
    said = b""
    for line in running.child.stderr or ():
        said += line
        if READY in line:
            return
    running.wait(timeout_s=5)
    raise LabError(f"tcpdump does not start: {said.decode(errors='replace').strip()}")
