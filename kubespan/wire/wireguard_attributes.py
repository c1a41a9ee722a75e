"""The numbers of WireGuard's generic netlink family.

Source:
    Linux include/uapi/linux/wireguard.h.
"""

import struct
from enum import IntEnum
from typing import Final

FAMILY_NAME: Final = "wireguard"
U8, U16 = struct.Struct("=B"), struct.Struct("=H")
U32, U64 = struct.Struct("=I"), struct.Struct("=Q")


class DeviceAttribute(IntEnum):
    """``WGDEVICE_A_*``."""

    LINK_NAME = 2
    PRIVATE_KEY = 3
    PUBLIC_KEY = 4
    LISTEN_PORT = 6
    MARK = 7
    PEERS = 8


class PeerAttribute(IntEnum):
    """``WGPEER_A_*``."""

    PUBLIC_KEY = 1
    PRESHARED_KEY = 2
    FLAGS = 3
    ENDPOINT = 4
    KEEPALIVE = 5
    HANDSHAKE = 6
    RECEIVED = 7
    SENT = 8
    ALLOWED_IPS = 9


class AllowedIpAttribute(IntEnum):
    """``WGALLOWEDIP_A_*``."""

    FAMILY = 1
    ADDRESS = 2
    LENGTH = 3
