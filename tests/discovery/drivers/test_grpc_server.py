from pathlib import Path

import pytest

from discovery.drivers.grpc_server import (
    certificate_files,
    listen_for_calls,
    new_server,
)
from discovery.drivers.listening_socket import CannotListen


async def test_server_listens_on_a_port_it_tells() -> None:
    server = new_server((), calls_max=10, connections_max=10)

    address = listen_for_calls(server, "127.0.0.1:0", None)
    await server.stop(None)

    host, _, port = address.rpartition(":")
    assert host == "127.0.0.1"
    assert int(port) > 0


async def test_port_is_not_shared() -> None:
    one = new_server((), calls_max=10, connections_max=10)
    other = new_server((), calls_max=10, connections_max=10)
    address = listen_for_calls(one, "127.0.0.1:0", None)
    await one.start()

    with pytest.raises(CannotListen, match=f"{address}: Address already in use"):
        listen_for_calls(other, address, None)
    await one.stop(None)
    await other.stop(None)


@pytest.mark.parametrize(
    ("certificate", "key"), [(None, None), (Path("a"), None), (None, Path("b"))]
)
def test_without_a_pair_there_is_no_tls(
    certificate: Path | None, key: Path | None
) -> None:
    assert certificate_files(certificate, key, None) is None
