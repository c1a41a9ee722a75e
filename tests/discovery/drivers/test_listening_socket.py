import socket

import pytest

from discovery.drivers.listening_socket import (
    CannotListen,
    address_from_socket,
    listen,
)


@pytest.mark.parametrize(
    ("addr", "hosts"),
    [
        pytest.param("127.0.0.1:0", ["127.0.0.1"], id="IPv4"),
        pytest.param("[::1]:0", ["::1"], id="IPv6"),
        pytest.param(":0", ["127.0.0.1", "::1"], id="everywhere"),
    ],
)
def test_address_is_reached_by_its_families(addr: str, hosts: list[str]) -> None:
    sockets = listen(addr)

    try:
        for host in hosts:
            socket.create_connection((host, sockets[0].getsockname()[1]), 5).close()
    finally:
        for listening in sockets:
            listening.close()


def test_all_addresses_of_a_name_have_one_port() -> None:
    sockets = listen("localhost:0")

    ports = {listening.getsockname()[1] for listening in sockets}

    for listening in sockets:
        listening.close()
    assert len(ports) == 1


@pytest.mark.parametrize(
    ("addr", "written"),
    [("127.0.0.1:0", "127.0.0.1:"), ("[::1]:0", "[::1]:"), (":0", "[::]:")],
)
def test_address_is_written_so_that_it_can_be_used(addr: str, written: str) -> None:
    (listening,) = listen(addr)

    with listening:
        port = listening.getsockname()[1]
        assert address_from_socket(listening) == f"{written}{port}"


def test_two_cannot_have_one_port() -> None:
    (first,) = listen("127.0.0.1:0")
    addr = address_from_socket(first)

    with first, pytest.raises(CannotListen) as refused:
        listen(addr)

    assert str(refused.value) == f"cannot listen on {addr}: Address already in use"


@pytest.mark.parametrize("addr", ["192.0.2.1:0", "no.such.host.invalid:0"])
def test_address_that_is_not_of_this_host_is_told(addr: str) -> None:
    with pytest.raises(CannotListen, match=f"^cannot listen on {addr}: [A-Z]"):
        listen(addr)
