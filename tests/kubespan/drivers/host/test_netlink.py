import errno

import pytest
from pyroute2.netlink.exceptions import NetlinkDumpInterrupted, NetlinkError

from kubespan.drivers.host.netlink import (
    link_index,
    messages,
    open_route_socket,
    reason_in_words,
    refusals,
)
from kubespan.errors import DriverError
from tests.fakes.kernel import FakeKernel


@pytest.mark.parametrize(
    ("raised", "text", "number"),
    [
        pytest.param(
            NetlinkError(errno.ENETUNREACH, "Nexthop has invalid gateway"),
            "add route: Nexthop has invalid gateway (Network is unreachable)",
            errno.ENETUNREACH,
            id="in the kernel's own words",
        ),
        pytest.param(
            NetlinkError(errno.EEXIST),
            "add route: File exists",
            errno.EEXIST,
            id="the kernel has no words",
        ),
        pytest.param(
            NetlinkError(errno.EPERM),
            "add route: Operation not permitted"
            " - the daemon needs root or CAP_NET_ADMIN",
            errno.EPERM,
            id="not allowed",
        ),
        pytest.param(
            OSError(errno.ENOBUFS, "No buffer space available"),
            "add route: No buffer space available",
            errno.ENOBUFS,
            id="the socket failed",
        ),
        pytest.param(
            NetlinkDumpInterrupted(),
            "add route: things changed while they were listed",
            errno.EINTR,
            id="a list that is no picture of one instant",
        ),
    ],
)
def test_refusal_says_what_why_and_what_may_help(
    raised: Exception, text: str, number: int
) -> None:
    with pytest.raises(DriverError) as told, refusals("add route"):
        raise raised

    assert str(told.value) == text
    assert told.value.errno == number


@pytest.mark.parametrize("raised", [NetlinkError, OSError])
def test_refusal_that_means_it_is_as_wanted_is_none(raised: type[Exception]) -> None:
    with refusals("add route", ignored=(errno.EEXIST,)):
        raise raised(errno.EEXIST, "File exists")


def test_words_are_said_once() -> None:
    assert reason_in_words(errno.ENODEV, "No such device") == "No such device"


async def test_link_has_a_number_or_is_not_there() -> None:
    kernel = FakeKernel()
    index = kernel.add_link("kubespan")

    assert await link_index(kernel, "kubespan") == index
    assert await link_index(kernel, "eth9") is None


async def test_replies_are_lists_whatever_they_were() -> None:
    async def stream():
        yield "a"
        yield "b"

    async def answer(value):
        return value

    assert await messages(answer(stream())) == ["a", "b"]
    assert await messages(answer(("c",))) == ["c"]


async def test_the_kernel_answers() -> None:
    async with open_route_socket() as socket:
        links = await messages(socket.link("dump"))

        assert await link_index(socket, "lo") == 1
        assert "lo" in {link.get_attr("IFLA_IFNAME") for link in links}
