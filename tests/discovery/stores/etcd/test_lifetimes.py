from discovery.state.affiliate import Affiliate, Endpoint
from discovery.stores.etcd.lifetimes import WAY_NS, extend_record, settle_record

MIN = 60 * 10**9


def a_record(expires_ns: int = MIN, data: bytes = b"d", **endpoints: int) -> Affiliate:
    return Affiliate(
        "a",
        data,
        expires_ns,
        tuple(Endpoint(name.encode(), ns) for name, ns in endpoints.items()),
    )


def test_first_record_is_believed_as_it_came() -> None:
    record = a_record(e=5)

    assert settle_record(None, record) is record


def test_time_on_the_way_is_no_longer_life() -> None:
    known = a_record(MIN, e=MIN)
    arrived = a_record(MIN + WAY_NS, data=b"new", e=MIN + WAY_NS, new=MIN)

    settled = settle_record(known, arrived)

    assert settled == a_record(MIN, data=b"new", e=MIN, new=MIN)


def test_record_written_back_and_forth_does_not_live_longer() -> None:
    record = a_record(MIN, e=MIN)

    for _ in range(1000):
        later = a_record(record.expires_ns + 3_000_000, e=MIN + 3_000_000)
        record = settle_record(record, later)

    assert record.expires_ns == MIN


def test_extension_and_shortening_are_believed() -> None:
    known = a_record(MIN, e=MIN)
    arrived = a_record(MIN - 1, e=MIN + WAY_NS + 1)

    assert settle_record(known, arrived) == arrived


def test_what_is_gone_comes_back_as_remembered() -> None:
    remembered = a_record(e=5)

    assert extend_record(None, remembered) is remembered


def test_remembered_life_counts_and_newer_data_stays() -> None:
    stored = a_record(5 * MIN, data=b"new", one=1, two=9)
    remembered = a_record(MIN, data=b"old", one=7, gone=8)

    assert extend_record(stored, remembered) == a_record(
        5 * MIN, data=b"new", one=7, two=9, gone=8
    )


def test_endpoints_come_back_as_far_as_there_is_room() -> None:
    stored = a_record(**{f"s{n}": n for n in range(60)})
    remembered = a_record(**{f"r{n}": n for n in range(60)})

    extended = extend_record(stored, remembered)

    assert len(extended.endpoints) == 64
    assert extended.endpoints[:60] == stored.endpoints
