import pytest

from kubespan.logic.identity.key_pair import public_half
from kubespan.model.keys import PublicKey, SecretKey


@pytest.mark.checklist(8)
def test_public_half_of_the_specified_private_key():
    # kubespan.md section 1.7
    private = SecretKey.from_base64("sF45u5ePau58WeeCUY3T8D9foEKaQ8Opx4cGC8g4XE4=")
    expected = PublicKey.from_base64("Oak2fBEWngBhwslBxDVgnRNHXs88OAp4kjroSX0uqUE=")

    assert public_half(private) == expected


def test_unclamped_key_has_the_public_half_of_the_clamped_one():
    clamped = SecretKey(bytes([0xF8]) + bytes(30) + bytes([0x7F]))
    unclamped = SecretKey(bytes([0xFF]) + bytes(30) + bytes([0xFF]))

    assert public_half(unclamped) == public_half(clamped)
