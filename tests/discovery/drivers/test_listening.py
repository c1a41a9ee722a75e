import socket

import pytest

from discovery.drivers.listening import explain_refusal, grpc_address


@pytest.mark.parametrize(
    ("addr", "expected"),
    [
        (":3000", "[::]:3000"),
        ("127.0.0.1:3000", "127.0.0.1:3000"),
        ("[::1]:0", "[::1]:0"),
    ],
)
def test_no_host_is_every_address(addr: str, expected: str) -> None:
    assert grpc_address(addr) == expected


def test_port_in_use_is_explained() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert explain_refusal(f"127.0.0.1:{port}") == "Address already in use"


@pytest.mark.parametrize(
    ("addr", "reason"),
    [
        pytest.param("192.0.2.1:3000", "Cannot assign", id="address of another host"),
        pytest.param("127.0.0.1:0", "refused by the host", id="nothing to see"),
    ],
)
def test_other_reasons_are_the_words_of_the_host(addr: str, reason: str) -> None:
    assert reason in explain_refusal(addr)
