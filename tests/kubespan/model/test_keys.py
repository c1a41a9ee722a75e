import base64

import pytest

from kubespan.model.keys import PublicKey, SecretKey

TEXT = "Oak2fBEWngBhwslBxDVgnRNHXs88OAp4kjroSX0uqUE="  # kubespan.md section 1.7


def test_public_key_reads_and_writes_base64():
    assert str(PublicKey.from_base64(TEXT)) == TEXT


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("AAAA", id="too short"),
        pytest.param(base64.b64encode(bytes(33)).decode(), id="too long"),
        pytest.param("!" * 44, id="not base64"),
        pytest.param(TEXT.replace("=", ""), id="no padding"),
        pytest.param("ä" * 44, id="not ASCII"),
    ],
)
def test_text_that_is_no_key_is_refused(text: str):
    with pytest.raises(ValueError, match="public key"):
        PublicKey.from_base64(text)


def test_raw_bytes_must_be_32():
    with pytest.raises(ValueError, match="31 bytes"):
        PublicKey(bytes(31))
    with pytest.raises(ValueError, match="31 bytes"):
        SecretKey(bytes(31))


def test_secret_never_shows_itself():
    secret = SecretKey(bytes(range(32)))

    shown = f"{secret} {secret!r} {[secret]}"

    assert secret.to_base64() not in shown
    assert shown == "<secret> <secret> [<secret>]"


def test_bad_secret_is_not_quoted_in_the_error():
    with pytest.raises(ValueError, match="secret") as refused:
        SecretKey.from_base64("c2VjcmV0LXRleHQ=")

    assert "c2VjcmV0" not in str(refused.value)
    assert "secret-text" not in str(refused.value)


def test_secret_survives_base64():
    secret = SecretKey(bytes(range(32)))

    assert SecretKey.from_base64(secret.to_base64()) == secret
