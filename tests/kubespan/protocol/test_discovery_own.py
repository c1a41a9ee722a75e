from kubespan.protocol.discovery_own import REMEMBERED, OwnRecord
from kubespan.protocol.discovery_records import OpenedRecord, SealedRecord, Update

OWN = "me"


def an_own_record(*published: bytes) -> OwnRecord:
    own = OwnRecord(OWN, 1800)
    for data in published:
        own.published((Update(OWN, data), Update("b", endpoints=(b"e" * 16,))))
    return own


def said(data: bytes, affiliate_id: str = OWN) -> tuple[OpenedRecord, ...]:
    return (OpenedRecord(SealedRecord(affiliate_id, data), None),)


def test_what_we_published_lately_is_ours():
    own = an_own_record(b"old", b"new")

    assert not own.replaced_in(said(b"old"), 1)
    assert not own.replaced_in(said(b"new"), 1)
    assert not own.is_shared(1)


def test_other_bytes_under_our_id_are_somebody_elses():
    own = an_own_record(b"new")

    assert own.replaced_in(said(b"forged"), 1)
    assert own.is_shared(1800)
    assert not own.is_shared(1801)


def test_records_of_others_and_those_without_data_say_nothing():
    own = an_own_record(b"new")

    assert not own.replaced_in(said(b"forged", "b") + said(b""), 1)


def test_what_is_remembered_is_bounded():
    own = an_own_record(*(bytes([n]) for n in range(REMEMBERED + 1)))

    assert own.replaced_in(said(bytes([0])), 1)
    assert not own.replaced_in(said(bytes([1])), 1)
