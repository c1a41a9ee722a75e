"""What is found at a start, whatever an earlier process, disk or operator left."""

import logging
import os
from pathlib import Path

import pytest

from discovery.drivers.checksum_file import render_checksums
from discovery.drivers.log_segments import LogSegments
from discovery.drivers.snapshot_file import SnapshotFiles, SnapshotWriter
from discovery.metrics.metrics import Metrics
from discovery.state.clusters import Clusters, Counts
from discovery.state.limits import NS_PER_S
from discovery.state.log_frames import LogRecord, encode_record
from discovery.state.snapshot import encode_snapshot
from discovery.stores.restoring import Restored, Restorer
from tests.discovery.records import (
    EXAMPLE,
    NOW_NS,
    WALL_NS,
    HandClocks,
    a_snapshot,
    an_affiliate,
    said,
)

GRACE_S = 300.0


class Place:
    """A folder with the files of a service that does not run."""

    def __init__(self, folder: Path) -> None:
        self.files = SnapshotFiles(folder / "state.binpb")
        self.segments = LogSegments(self.files.path)
        self.clusters = Clusters()
        self.metrics = Metrics()
        self.hand = HandClocks()

    def save(self, content: bytes) -> None:
        writer = SnapshotWriter(self.files)
        writer.open()
        writer.write(content)
        writer.commit(WALL_NS)

    def write_log(self, *payloads: bytes) -> Path:
        segment = self.segments.begin()
        for payload in payloads:
            segment.append(payload)
        segment.close()
        return segment.path

    def restore(self, grace_s: float = GRACE_S) -> Restored:
        restorer = Restorer(
            self.files, self.segments, self.clusters, self.hand.clocks, grace_s
        )
        return restorer.restore(self.metrics, clusters_max=10)

    def asides(self) -> list[str]:
        return sorted(p.name for p in self.files.path.parent.glob("*corrupt*"))

    def life_s(self, cluster_id: str, affiliate_id: str) -> float:
        affiliate = self.clusters.get(cluster_id, affiliate_id)
        assert affiliate is not None
        return (affiliate.expires_ns - self.hand.now_ns) / NS_PER_S


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def put(
    cluster_id: str, affiliate_id: str, *endpoints: bytes, **fields: float
) -> bytes:
    affiliate = an_affiliate(affiliate_id, *endpoints, **fields)
    return encode_record(
        LogRecord(cluster_id, affiliate_id, affiliate), NOW_NS, WALL_NS
    )


def deleted(cluster_id: str, affiliate_id: str) -> bytes:
    return encode_record(LogRecord(cluster_id, affiliate_id, None), NOW_NS, WALL_NS)


# checklist 62
def test_file_of_the_official_service_is_loaded(place: Place) -> None:
    place.files.path.write_bytes(EXAMPLE)
    os.utime(place.files.path, ns=(WALL_NS, WALL_NS))

    restored = place.restore()

    assert said(place.clusters) == {("r", "A"): (b"d", (b"e",))}
    assert place.life_s("r", "A") == 59
    assert restored.ran_before
    assert restored.cluster_ids == {"r"}
    assert place.metrics.storage_runs == {("load", True): 1}
    work = place.metrics.last_work_by_operation["load"]
    assert (work.size_bytes, work.stored) == (len(EXAMPLE), Counts(1, 1, 1))


# checklist 66: missing counts as an error, and the service starts
def test_first_start_of_all_finds_nothing(place: Place) -> None:
    restored = place.restore()

    assert not restored.ran_before
    assert place.clusters.count() == Counts(0, 0, 0)
    assert place.metrics.storage_runs == {("load", False): 1}


# checklist 63
@pytest.mark.parametrize(
    ("outage_s", "life_s"),
    [
        pytest.param(0, 600, id="no outage"),
        pytest.param(100, 500, id="short outage"),
        pytest.param(100_000, GRACE_S, id="long outage"),
        pytest.param(-100_000, 600, id="clock set back"),
    ],
)
def test_outage_shortens_lives_but_for_the_grace(
    place: Place, outage_s: float, life_s: float
) -> None:
    place.save(a_snapshot("c", life_s=600))
    place.write_log(put("c", "logged", life_s=600))
    place.hand.wall_ns += round(outage_s * NS_PER_S)

    place.restore()

    assert place.life_s("c", "af0") == life_s
    assert place.life_s("c", "logged") == life_s


# discovery.md 4.3: overdue records are loaded and fall to the first sweep
def test_record_that_was_overdue_falls_to_the_first_sweep(place: Place) -> None:
    place.save(a_snapshot("dead", life_s=-5) + a_snapshot("alive"))

    restored = place.restore()
    gone = place.clusters.sweep("dead", place.hand.now_ns, watched=False)

    assert [change.affiliate for change in gone] == [None, None]
    assert place.clusters.cluster_ids == ("alive",)
    assert restored.cluster_ids == {"alive"}


# checklist 66
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[:-3], id="truncated"),
        pytest.param(lambda content: content + b"\x0a", id="ends after a tag"),
        pytest.param(lambda content: content + a_snapshot("new"), id="duplicate ID"),
        pytest.param(lambda content: content + b"\x12\x00", id="wrong tag"),
        pytest.param(lambda content: b"\x0f" + content[1:], id="wrong from the start"),
        pytest.param(lambda content: content.replace(b"sealed", b"s3aled"), id="bit"),
        pytest.param(lambda content: b"", id="emptied"),
    ],
)
def test_previous_snapshot_is_used_for_a_damaged_one(
    place: Place, damage, caplog: pytest.LogCaptureFixture
) -> None:
    place.save(a_snapshot("old"))
    place.save(a_snapshot("new", "newer"))
    content = damage(place.files.path.read_bytes())
    place.files.path.write_bytes(content)

    place.restore()

    assert place.clusters.cluster_ids == ("old",)
    assert place.metrics.storage_runs == {("load", False): 1}
    (aside,) = place.asides()
    assert place.files.path.with_name(aside).read_bytes() == content
    assert not place.files.path.exists()
    refused = caplog.records[0]
    assert refused.levelname == "ERROR"
    assert "what_to_do" in refused.fields
    place.save(b"")
    assert place.asides() == [aside]


# checklist 66: keep what was readable
def test_without_a_previous_one_what_was_readable_is_kept(place: Place) -> None:
    place.files.path.write_bytes(a_snapshot("c1", "c2", "c3")[:-3])

    restored = place.restore()

    assert place.clusters.cluster_ids == ("c1", "c2")
    assert restored.cluster_ids == {"c1", "c2"}
    assert place.asides() == ["state.binpb.corrupt-1700000000"]
    assert place.metrics.storage_runs == {("load", False): 1}


def test_two_damaged_snapshots_are_both_kept_aside(place: Place) -> None:
    place.save(a_snapshot("old"))
    place.save(a_snapshot("new", "newer"))
    for path in (place.files.path, place.files.previous):
        path.write_bytes(path.read_bytes()[:-1])

    place.restore()

    assert place.clusters.cluster_ids == ("new",)
    assert len(place.asides()) == 2


def test_lost_snapshot_is_replaced_by_the_previous_one(place: Place) -> None:
    place.save(a_snapshot("old"))
    place.save(a_snapshot("new"))
    place.files.path.unlink()

    place.restore()

    assert place.clusters.cluster_ids == ("old",)
    assert place.asides() == []


def test_checksums_that_are_none_do_not_damn_a_snapshot(place: Place) -> None:
    place.save(a_snapshot("c"))
    place.files.checksums.write_bytes(b"")

    place.restore()

    assert place.clusters.cluster_ids == ("c",)


def test_other_file_in_its_place_is_refused(place: Place) -> None:
    place.files.path.write_bytes(EXAMPLE)
    place.files.checksums.write_text(render_checksums({"state.binpb": "00" * 32}))

    place.restore()

    assert len(place.asides()) == 1


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_is_no_file_does_not_keep_the_service_from_starting(
    place: Place, kind: str
) -> None:
    if kind == "folder":
        place.files.path.mkdir()
    else:
        os.mkfifo(place.files.path)

    restored = place.restore()

    assert restored.ran_before
    assert place.asides() == ["state.binpb.corrupt-1700000000"]


def test_id_that_is_no_text_is_left_out_and_the_rest_is_there(place: Place) -> None:
    place.files.path.write_bytes(b"\x0a\x03\x0a\x01\xff" + a_snapshot("c"))

    place.restore()

    assert place.clusters.cluster_ids == ("c",)
    assert place.asides() == []


def test_log_is_read_over_the_snapshot(place: Place) -> None:
    place.save(a_snapshot("c", affiliates=3))
    place.write_log(put("c", "af0", b"new"), deleted("c", "af1"), put("c2", "x"))
    place.write_log(put("c", "af0", b"newest"), deleted("c2", "x"), put("c2", "y"))

    restored = place.restore()

    assert said(place.clusters) == {
        ("c", "af0"): (b"sealed", (b"newest",)),
        ("c", "af2"): (b"sealed", (b"e1", b"e2")),
        ("c2", "y"): (b"sealed", ()),
    }
    assert len(restored.segments) == 2
    assert restored.cluster_ids == {"c", "c2"}


def test_log_alone_tells_of_an_earlier_service(place: Place) -> None:
    place.write_log()

    assert place.restore().ran_before


def test_torn_end_of_a_log_is_no_damage(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = place.write_log(put("c", "a"), put("c", "b"))
    os.truncate(path, path.stat().st_size - 1)
    place.write_log(put("c", "c"))

    restored = place.restore()

    assert set(said(place.clusters)) == {("c", "a"), ("c", "c")}
    assert not restored.damaged_segments
    assert {record.levelname for record in caplog.records} == {"INFO"}


def test_damage_in_the_middle_of_a_log_is_told(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    path = place.write_log(put("c", "a"), put("c", "b"), put("c", "c"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    place.write_log(put("c", "d"))

    restored = place.restore()

    assert set(said(place.clusters)) == {("c", "a"), ("c", "d")}
    assert restored.damaged_segments == {path}
    assert "ERROR" in {record.levelname for record in caplog.records}


# between any two steps of a compaction, reading gives the same
@pytest.mark.parametrize("step", range(4), ids=str)
def test_compaction_that_stopped_half_way_does_no_harm(place: Place, step: int) -> None:
    first = [put("c", "a", b"1"), put("c", "b", b"1"), deleted("c", "af0")]
    second = [put("c", "a", b"2"), deleted("c", "b"), put("c", "af0", b"2")]
    place.save(a_snapshot("c"))
    path = place.write_log(*first)
    if step >= 1:
        place.write_log(*second)
    else:
        with path.open("ab") as file:
            file.write(place.write_log(*second).read_bytes()[8:])
        place.segments.list()[1].unlink()
    if step >= 2:
        # the snapshot has some of what came while it was written
        there = Place(place.files.path.parent)
        there.restore()
        states = [("c", there.clusters.affiliates("c"))]
        place.save(b"".join(encode_snapshot(states, NOW_NS)))
    if step >= 3:
        place.segments.remove(path)

    place.restore()

    assert said(place.clusters) == {
        ("c", "a"): (b"sealed", (b"2",)),
        ("c", "af0"): (b"sealed", (b"2",)),
        ("c", "af1"): (b"sealed", (b"e1", b"e2")),
    }
