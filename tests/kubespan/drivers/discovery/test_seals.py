import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubespan.drivers.discovery.seals import DiscoverySeals
from kubespan.errors import WireError
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import SecretKey
from kubespan.model.peer import HarvestedEndpoint
from kubespan.protocol.discovery_records import OpenedRecord, SealedRecord
from tests.builders import (
    CLUSTER_SECRET,
    a_mesh_part,
    a_public_key,
    a_secret,
    an_affiliate,
    endpoints,
)

SEALS = DiscoverySeals(a_secret("cluster"))
NONCE = bytes(12)


def a_sealed(**changes: object) -> SealedRecord:
    update = SEALS.seal_own(an_affiliate("b", **changes), NONCE)
    return SealedRecord("b", update.data, update.endpoints)


def test_what_was_sealed_opens_with_its_endpoints():
    affiliate = an_affiliate(
        "b",
        kubespan=a_mesh_part("b", endpoints=endpoints("1.2.3.4:5", "[2001:db8::1]:6")),
    )
    update = SEALS.seal_own(affiliate, NONCE)

    sealed = SealedRecord("b", update.data, update.endpoints)

    assert SEALS.open(sealed) == OpenedRecord(sealed, affiliate)


def test_other_secret_opens_nothing():
    opened = DiscoverySeals(a_secret("other")).open(a_sealed())

    assert opened.affiliate is None


@pytest.mark.checklist(21)
def test_endpoints_that_make_no_sense_are_counted_and_the_others_kept():
    good = a_sealed()
    blobs = (b"", b"short", *good.endpoints, bytes(16), bytes(48))

    opened = SEALS.open(SealedRecord("b", good.data, blobs))

    assert opened.affiliate == an_affiliate("b")
    assert opened.skipped_endpoints == 4


def test_more_endpoints_than_services_accept_are_counted_and_left_out():
    good = a_sealed()

    opened = SEALS.open(SealedRecord("b", good.data, good.endpoints * 70))

    assert opened.affiliate is not None
    assert len(opened.affiliate.kubespan.endpoints) == 64
    assert opened.skipped_endpoints == 6


@pytest.mark.checklist(10)
def test_without_a_public_key_there_are_no_endpoints():
    without = a_sealed(kubespan=a_mesh_part("b", public_key=""))
    with_endpoints = SealedRecord("b", without.data, a_sealed().endpoints)

    opened = SEALS.open(with_endpoints)

    assert without.endpoints == ()
    assert opened.affiliate is not None
    assert opened.affiliate.kubespan.endpoints == ()


@pytest.mark.checklist(35)
def test_too_large_an_affiliate_cannot_be_sealed():
    with pytest.raises(WireError, match="2048"):
        SEALS.seal_own(an_affiliate("b", hostname="x" * 2100), NONCE)


def test_endpoint_that_cannot_be_sealed_is_left_out():
    zoned = Endpoint.from_text("[fe80::1%averylonglinkname]:51820")
    part = a_mesh_part("b", endpoints=(zoned, *endpoints("1.2.3.4:5")))

    update = SEALS.seal_own(an_affiliate("b", kubespan=part), NONCE)

    assert len(update.endpoints) == 1


def test_harvested_endpoints_equal_those_their_owner_would_seal():
    # kubespan.md 3.4: 10.0.0.2:51820 under the key of the worked example
    seals = DiscoverySeals(SecretKey.from_base64(CLUSTER_SECRET))
    seen = HarvestedEndpoint(a_public_key("b"), "b", endpoints("10.0.0.2:51820")[0])

    sealed = seals.seal_harvested([seen])

    assert sealed == {"b": [bytes.fromhex("b0923fefb589d66d1fb3fb962e3fdb95")]}


@given(st.binary(max_size=300), st.lists(st.binary(max_size=48), max_size=5))
def test_no_record_can_break_it(data: bytes, blobs: list[bytes]):
    assert SEALS.open(SealedRecord("x", data, tuple(blobs))).affiliate is None


@given(st.lists(st.binary(max_size=48), max_size=5))
def test_no_endpoints_can_break_a_good_record(blobs: list[bytes]):
    opened = SEALS.open(SealedRecord("b", a_sealed().data, tuple(blobs)))

    assert opened.affiliate is not None
    kept = len(opened.affiliate.kubespan.endpoints)
    assert kept + opened.skipped_endpoints == len(blobs)
