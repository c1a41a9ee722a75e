"""Where a node's WireGuard can be reached: an IP address and a port."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Self

from kubespan.model.address import IPAddress

PORT_MAX: Final = 65535


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An IP and a UDP port; written ``192.0.2.1:51820`` or ``[2001:db8::1]:51820``."""

    ip: IPAddress
    port: int

    def __post_init__(self) -> None:
        if not 0 <= self.port <= PORT_MAX:
            raise ValueError(f"endpoint: port {self.port} is not within 0..{PORT_MAX}")

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse ``ip:port``; host names, and IPv6 without brackets, are refused."""
        host, colon, port = text.rpartition(":")
        bracketed = host.startswith("[") and host.endswith("]")
        digits = port.isascii() and port.isdigit()
        if not colon or not digits or len(port) > len(str(PORT_MAX)):
            raise ValueError(f"endpoint {text!r}: not ip:port")
        ip = ip_address(host[1:-1] if bracketed else host)
        if bracketed != isinstance(ip, IPv6Address):
            raise ValueError(f"endpoint {text!r}: write IPv6 as [address]:port")
        return cls(ip, int(port))

    @property
    def unmapped(self) -> "Endpoint":
        """The same endpoint with an IPv4-mapped IPv6 address as plain IPv4."""
        mapped = self.ip.ipv4_mapped if isinstance(self.ip, IPv6Address) else None
        return Endpoint(mapped, self.port) if mapped else self

    def __str__(self) -> str:
        host = str(self.ip) if isinstance(self.ip, IPv4Address) else f"[{self.ip}]"
        return f"{host}:{self.port}"
