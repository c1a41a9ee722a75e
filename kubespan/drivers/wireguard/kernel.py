"""WireGuard in the kernel, by generic netlink."""

from dataclasses import replace
from errno import EADDRINUSE

from kubespan.drivers.wireguard.genetlink import dump_generic, request_generic
from kubespan.errors import DriverError, WireError
from kubespan.model.wireguard import WireGuardChange, WireGuardDevice
from kubespan.wire.wireguard_attributes import FAMILY_NAME
from kubespan.wire.wireguard_dump import decode_device
from kubespan.wire.wireguard_netlink import encode_change, encode_question


async def read_kernel_device(link: str, observed_s: float) -> WireGuardDevice:
    """Return the device of a link of kind ``wireguard``.

    Raises:
        DriverError: there is no such link, it is of another kind, or the kernel has no
            WireGuard.
    """
    operation = f"look at WireGuard {link}"
    payloads = await dump_generic(FAMILY_NAME, encode_question(link), operation)
    try:
        return decode_device(link, payloads, observed_s)
    except WireError as error:
        raise DriverError(operation, str(error)) from error


async def change_kernel_device(change: WireGuardChange) -> None:
    """Change a device; nearly at once, as few messages as possible.

    Raises:
        DriverError: refused. With ``EADDRINUSE`` only the port is not as it should be.
    """
    try:
        await _request(change)
    except DriverError as error:
        if error.errno == EADDRINUSE:
            # better a mesh on a port that others must learn than none
            await _request(replace(change, listen_port=None))
        raise


async def _request(change: WireGuardChange) -> None:
    operation = f"configure WireGuard {change.link}"
    try:
        payloads = encode_change(change)
    except WireError as error:
        raise DriverError(operation, str(error)) from error
    await request_generic(FAMILY_NAME, payloads, operation)
