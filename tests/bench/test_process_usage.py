import os
import subprocess
import sys

import pytest

from bench.discovery.process_usage import forget_peak, usage

MIB = 1 << 20
# holds 64 MiB in a child, once it has worked a little, until its input ends
CHILD = "x = b'1' * (64 << 20); sum(range(3_000_000)); print(); input()"
PARENT = (
    "import subprocess, sys;"
    f"subprocess.run([sys.executable, '-c', {CHILD!r}], check=False)"
)


def test_children_are_counted_in() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.readline()

    used = usage(process.pid)
    process.communicate()

    assert used.rss_bytes > 64 * MIB
    assert used.cpu_s > 0


def test_peak_begins_anew() -> None:
    big = b"1" * (64 * MIB)
    before = usage(os.getpid()).peak_rss_bytes
    del big

    forget_peak(os.getpid())

    assert usage(os.getpid()).peak_rss_bytes < before - 32 * MIB


def test_process_that_is_gone_is_an_error() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()

    with pytest.raises(OSError, match="No such file"):
        usage(process.pid)
