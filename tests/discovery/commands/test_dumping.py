import io
import json
from pathlib import Path

from discovery.commands.dumping import dump_as_json, dump_as_text
from discovery.drivers.snapshot_reading import Checksum, SnapshotReading
from discovery.state.affiliate import Affiliate
from discovery.state.snapshot import StoredCluster

HOSTILE = StoredCluster(
    'x"\n\x1b[2J\udcff<script>',
    (Affiliate("\x00\n", b"", -1_500_000_000, ()),),
)


def a_reading(*clusters: StoredCluster) -> SnapshotReading:
    return SnapshotReading(Path("f"), 0, 0, Checksum.ABSENT, list(clusters))


def test_hostile_ids_stay_on_their_line() -> None:
    out = io.StringIO()

    dump_as_text(a_reading(HOSTILE), out)

    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert all(line.isprintable() and line.isascii() for line in lines)
    assert lines[1].endswith("0 bytes, -1.5 s left")


def test_hostile_ids_are_json() -> None:
    out = io.StringIO()

    dump_as_json(a_reading(HOSTILE), out)

    (cluster,) = json.loads(out.getvalue())["clusters"]
    assert cluster["id"].startswith('x"\n\x1b[2J\N{REPLACEMENT CHARACTER}')


def test_nothing_is_a_document_too() -> None:
    out = io.StringIO()

    dump_as_json(a_reading(), out)

    assert json.loads(out.getvalue()) == {"clusters": []}
