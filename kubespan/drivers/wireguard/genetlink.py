"""Requests to generic netlink: a socket for each piece of work, closed after it."""

import asyncio
import errno
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from kubespan.drivers.host.netlink import reason_in_words
from kubespan.errors import DriverError, WireError
from kubespan.wire.netlink import (
    ACK,
    DONE,
    DUMP,
    DUMP_INTERRUPTED,
    ERROR,
    FAMILY_CONTROL,
    REQUEST,
    NetlinkMessage,
    encode_family_question,
    encode_message,
    parse_family_answer,
    parse_refusal,
    split_messages,
)

NETLINK_GENERIC: Final = 16
SOL_NETLINK: Final = 270
NETLINK_CAP_ACK: Final = 10
NETLINK_EXT_ACK: Final = 11
REQUEST_TIMEOUT_S: Final = 10.0
DUMP_ATTEMPTS: Final = 5
RECEIVE_MAX_BYTES: Final = 64 * 1024
"""The kernel makes dump messages of at most 32 KiB."""


async def request_generic(
    family: str, payloads: Iterable[bytes], operation: str
) -> None:
    """Send requests one after another, each when the one before was acknowledged.

    Args:
        family: name of the generic netlink family, such as ``wireguard``.
        payloads: each with its generic header.
        operation: verb and object for errors.

    Raises:
        DriverError: refused (those after are not sent), or no answer in time.
    """
    with _opened(operation) as netlink:
        number = await _family_number(netlink, family, operation)
        for payload in payloads:
            await _exchange(netlink, number, REQUEST | ACK, payload, operation)


async def dump_generic(family: str, payload: bytes, operation: str) -> list[bytes]:
    """Return the payloads of all messages of a dump, in order.

    Raises:
        DriverError: refused, no answer in time, or changing all the time.
    """
    with _opened(operation) as netlink:
        number = await _family_number(netlink, family, operation)
        for _ in range(DUMP_ATTEMPTS):
            found = await _exchange(netlink, number, REQUEST | DUMP, payload, operation)
            if not any(message.flags & DUMP_INTERRUPTED for message in found):
                return [message.payload for message in found]
    reason = "things changed while they were listed"
    raise DriverError(operation, reason, errno.EINTR)


@contextmanager
def _opened(operation: str) -> Iterator[socket.socket]:
    """Open a socket in the network namespace of this thread, and close it."""
    try:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        netlink = socket.socket(socket.AF_NETLINK, kind, NETLINK_GENERIC)
        with netlink:
            netlink.setsockopt(SOL_NETLINK, NETLINK_CAP_ACK, 1)
            netlink.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
            netlink.bind((0, 0))
            yield netlink
    except OSError as error:
        reason = str(error.strerror or error)
        raise DriverError(operation, reason, error.errno) from error
    except WireError as error:
        raise DriverError(operation, str(error)) from error


async def _family_number(netlink: socket.socket, family: str, operation: str) -> int:
    question = encode_family_question(family)
    try:
        answers = await _exchange(
            netlink, FAMILY_CONTROL, REQUEST | ACK, question, operation
        )
    except DriverError as error:
        if error.errno != errno.ENOENT:
            raise
        reason = f"this kernel has no {family} (module not built or not allowed)"
        raise DriverError(operation, reason, errno.ENOENT) from error
    if not answers:
        raise WireError("netlink: no family number in the answer")
    return parse_family_answer(answers[0].payload)


async def _exchange(
    netlink: socket.socket, kind: int, flags: int, payload: bytes, operation: str
) -> list[NetlinkMessage]:
    """Send one request and return what answers it, without what ends the answer."""
    # unique on this socket: its exchanges follow each other and none is repeated late
    sequence = int.from_bytes(os.urandom(4), "little") | 1
    request = encode_message(kind, flags, sequence, payload)
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            await asyncio.get_running_loop().sock_sendall(netlink, request)
            return await _answers(netlink, sequence, operation)
    except TimeoutError as error:
        raise DriverError(operation, "the kernel does not answer") from error


async def _answers(
    netlink: socket.socket, sequence: int, operation: str
) -> list[NetlinkMessage]:
    found: list[NetlinkMessage] = []
    loop = asyncio.get_running_loop()
    while True:
        datagram = await loop.sock_recv(netlink, RECEIVE_MAX_BYTES)
        for message in split_messages(datagram):
            if message.sequence != sequence:
                continue
            if message.kind not in {ERROR, DONE}:
                found.append(message)
                continue
            code, text = parse_refusal(message)
            if code:
                reason = reason_in_words(code, text or os.strerror(code))
                raise DriverError(operation, reason, code)
            return found
