from dataclasses import replace
from pathlib import Path

import pytest

from kubespan.drivers.discovery.channel import CallFailed
from kubespan.drivers.discovery.credentials import is_token, read_token
from tests.builders import CLUSTER_ID
from tests.discovery.running import a_service
from tests.discovery_builders import a_node, a_plain_service, until
from tests.fakes.discovery_service import FakeDiscoveryService

TOKEN = "opensesame"


def test_service_without_a_token_file_is_shown_none():
    assert read_token(a_plain_service("127.0.0.1:1")) == ""


def test_token_is_what_the_file_holds_without_its_line_end(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    service = replace(a_plain_service("127.0.0.1:1"), token_file=str(file))

    assert read_token(service) == TOKEN


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(None, "No such file or directory", id="missing"),
        pytest.param(b"", "not one word of printable ASCII", id="empty"),
        pytest.param(b"open sesame", "not one word of printable ASCII", id="two words"),
        pytest.param(b"one\ntwo", "not one word of printable ASCII", id="two lines"),
        pytest.param("ö".encode(), "not one word of printable ASCII", id="umlaut"),
        pytest.param(b"\x00", "not one word of printable ASCII", id="control"),
        pytest.param(b"x" * 4097, "not one word of printable ASCII", id="long"),
    ],
)
def test_file_without_a_token_is_told_and_not_shown(
    tmp_path: Path, content: bytes | None, reason: str
):
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    service = replace(a_plain_service("127.0.0.1:1"), token_file=str(file))

    with pytest.raises(CallFailed) as caught:
        read_token(service)

    assert caught.value.reason == f"token file {file}: {reason}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [(TOKEN, True), ("!~", True), ("", False), ("a b", False), ("a\nb", False)],
)
def test_token_is_one_word(text: str, expected: bool):
    assert is_token(text) is expected


async def test_node_shows_its_token_with_every_call(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text(TOKEN)
    node, affiliate = a_node("a", tmp_path)
    async with FakeDiscoveryService().serving() as service, node.running():
        wanted = replace(a_plain_service(service.endpoint), token_file=str(file))
        node.deliver(wanted, local=affiliate)
        await until(lambda: service.updates)

    assert {"Hello", "Watch", "AffiliateUpdate"} <= set(service.calls)
    assert set(service.shown) == {f"Bearer {TOKEN}"}


async def test_node_is_admitted_once_its_token_is_right(tmp_path: Path):
    tokens, file = tmp_path / "tokens", tmp_path / "token"
    tokens.write_text(f"{CLUSTER_ID} {TOKEN}\n")
    file.write_text("wrong")
    node, affiliate = a_node("a", tmp_path)
    async with a_service(cluster_tokens_path=tokens) as address, node.running():
        wanted = replace(a_plain_service(address), token_file=str(file))
        node.deliver(wanted, local=affiliate)
        await until(lambda: node.status().error)
        error = node.status().error

        file.write_text(TOKEN)
        await node.until_connected()

    assert error.startswith("permission denied")
    assert not any(TOKEN in text for text in node.publisher.notices.values())
