import os
import subprocess
from pathlib import Path

import pytest

from discovery.drivers.checksum_file import read_checksums, render_checksums

SUM = "ab" * 32
OTHER = "01" * 32


def test_lines_come_back_by_name(tmp_path: Path) -> None:
    path = tmp_path / "s.sha256"
    path.write_text(render_checksums({"s": SUM, "s.previous": OTHER}))

    assert read_checksums(path) == {"s": SUM, "s.previous": OTHER}


@pytest.mark.parametrize("name", ["state.binpb", "with space", "a\\b", "a\nb"])
def test_sha256sum_reads_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"content")
    made = subprocess.run(
        ["sha256sum", "--", name], cwd=tmp_path, capture_output=True, check=True
    )
    (checksum,) = (part for part in made.stdout.split()[:1])
    lines = render_checksums({name: checksum.decode().removeprefix("\\")})
    (tmp_path / "sums").write_text(lines)

    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "sums"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert lines.encode() == made.stdout


def test_file_that_is_not_there_has_no_checksums(tmp_path: Path) -> None:
    assert read_checksums(tmp_path / "none") == {}


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe\x00", b"hello", f"{SUM}".encode(), b"g" * 64 + b"  name\n"],
    ids=["empty", "no text", "other text", "no name", "no hexadecimal"],
)
def test_lines_that_are_none_are_passed_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sums"
    path.write_bytes(content + b"\n" + render_checksums({"s": SUM}).encode())

    assert read_checksums(path)["s"] == SUM


def test_huge_file_is_read_only_so_far(tmp_path: Path) -> None:
    path = tmp_path / "sums"
    path.touch()
    os.truncate(path, 1 << 40)

    assert read_checksums(path) == {}
