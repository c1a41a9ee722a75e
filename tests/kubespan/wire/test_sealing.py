import contextlib

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given
from hypothesis import strategies as st

from kubespan.errors import WireError
from kubespan.model.endpoint import Endpoint
from kubespan.model.keys import SecretKey
from kubespan.wire.affiliate import decode_endpoint, encode_endpoint
from kubespan.wire.sealing import Sealer
from tests.vectors import discovery_spec, kubespan_spec

SECRET = SecretKey.from_base64(kubespan_spec.SECRET)
SEALER = Sealer(SECRET)
REFERENCE_SEALER = Sealer(SecretKey(bytes.fromhex(discovery_spec.SECRET_HEX)))


def encrypt_blocks(plain: bytes) -> bytes:
    return Cipher(AES(SECRET.raw), ECB()).encryptor().update(plain)


def test_the_secret_is_the_one_of_the_specification() -> None:
    assert SECRET.raw.hex() == kubespan_spec.SECRET_HEX


@pytest.mark.checklist(19)
def test_sealed_affiliate_of_the_specification_is_213_bytes() -> None:
    plain = bytes.fromhex(kubespan_spec.AFFILIATE_HEX)

    blob = SEALER.seal_data(plain, kubespan_spec.NONCE)

    assert blob.hex() == kubespan_spec.SEALED_AFFILIATE_HEX
    assert len(blob) == 213
    assert SEALER.open_data(blob) == plain


@pytest.mark.checklist(19)
def test_affiliate_sealed_by_the_reference_client_opens() -> None:
    blob = bytes.fromhex(discovery_spec.SEALED_BY_GO_CLIENT_HEX)

    plain = REFERENCE_SEALER.open_data(blob)

    assert plain.hex() == discovery_spec.AFFILIATE_HEX
    sealed = REFERENCE_SEALER.seal_data(plain, discovery_spec.NONCE)
    assert sealed.hex() == discovery_spec.SEALED_HEX


@pytest.mark.checklist(20)
@pytest.mark.parametrize(
    ("plain", "blob"), [row[1:] for row in kubespan_spec.ENDPOINTS]
)
def test_sealed_endpoints_are_those_of_the_specification(plain: str, blob: str) -> None:
    assert SEALER.seal_endpoint(bytes.fromhex(plain)).hex() == blob
    assert SEALER.open_endpoint(bytes.fromhex(blob)).hex() == plain


@pytest.mark.checklist(20)
@pytest.mark.parametrize(("text", "blob"), discovery_spec.ENDPOINTS)
def test_sealed_endpoints_are_those_of_the_reference_client(
    text: str, blob: str
) -> None:
    endpoint = Endpoint.from_text(text)

    sealed = REFERENCE_SEALER.seal_endpoint(encode_endpoint(endpoint))

    assert sealed.hex() == blob
    opened = REFERENCE_SEALER.open_endpoint(bytes.fromhex(blob))
    assert decode_endpoint(opened) == endpoint


@given(st.binary(max_size=2020), st.binary(min_size=12, max_size=12))
def test_what_is_sealed_opens_again(plain: bytes, nonce: bytes) -> None:
    assert SEALER.open_data(SEALER.seal_data(plain, nonce)) == plain


@given(st.binary(min_size=1, max_size=31))
def test_what_is_sealed_as_endpoint_opens_again(plain: bytes) -> None:
    blob = SEALER.seal_endpoint(plain)

    assert len(blob) in (16, 32)
    assert SEALER.open_endpoint(blob) == plain


@pytest.mark.checklist(25)
@given(st.integers(0, 212), st.integers(1, 255))
def test_a_changed_byte_is_noticed(index: int, change: int) -> None:
    blob = bytearray.fromhex(kubespan_spec.SEALED_AFFILIATE_HEX)
    blob[index] ^= change

    with pytest.raises(WireError, match="not sealed with our secret"):
        SEALER.open_data(bytes(blob))


@pytest.mark.checklist(35)
@pytest.mark.parametrize("count", [0, 27, 2049, 100_000])
def test_blobs_of_impossible_size_are_refused(count: int) -> None:
    with pytest.raises(WireError, match=f"{count} bytes"):
        SEALER.open_data(bytes(count))


@pytest.mark.checklist(35)
def test_an_affiliate_services_would_refuse_is_not_sealed() -> None:
    assert len(SEALER.seal_data(bytes(2020), kubespan_spec.NONCE)) == 2048
    with pytest.raises(WireError, match="2049"):
        SEALER.seal_data(bytes(2021), kubespan_spec.NONCE)


def test_a_nonce_of_another_size_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="nonce"):
        SEALER.seal_data(b"", bytes(16))


@pytest.mark.checklist(21)
@pytest.mark.parametrize("count", [0, 32, 255])
def test_no_empty_and_no_long_endpoint_is_sealed(count: int) -> None:
    with pytest.raises(WireError, match="cannot be sealed"):
        SEALER.seal_endpoint(bytes(count))


@pytest.mark.checklist(21)
@pytest.mark.parametrize(
    "blob",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(15), id="not whole blocks"),
        pytest.param(bytes(48), id="too long"),
        pytest.param(bytes(16 * 1000), id="huge"),
        pytest.param(encrypt_blocks(bytes(16)), id="length byte 0"),
        pytest.param(encrypt_blocks(b"\x10" + bytes(15)), id="length byte too large"),
        pytest.param(encrypt_blocks(b"\xff" * 32), id="length byte 255"),
        pytest.param(encrypt_blocks(b"\x01ab" + bytes(13)), id="padding not zero"),
    ],
)
def test_malformed_endpoint_blobs_are_refused(blob: bytes) -> None:
    with pytest.raises(WireError, match="sealed endpoint"):
        SEALER.open_endpoint(blob)


@pytest.mark.checklist(21)
@given(st.binary(max_size=64))
def test_any_blob_is_an_endpoint_or_refused_and_harms_no_later_one(blob: bytes) -> None:
    plain, good = (bytes.fromhex(field) for field in kubespan_spec.ENDPOINTS[0][1:])
    with contextlib.suppress(WireError):
        decode_endpoint(SEALER.open_endpoint(blob))

    assert SEALER.open_endpoint(good) == plain


def test_the_secret_does_not_show() -> None:
    assert kubespan_spec.SECRET not in f"{vars(SEALER)}{SEALER!r}"
