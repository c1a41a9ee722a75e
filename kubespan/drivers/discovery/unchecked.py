"""The certificate a service shows, looked at without checking it.

For an operator who wants to know whether a service answers at all before its
certificate is in order. The daemon never does this.
"""

import asyncio
import socket
import ssl
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID

from kubespan.drivers.discovery.channel import CallFailed, Failure, ShownCertificate

ALPN: Final = "h2"
_OPERATION: Final = "look at the certificate"


async def look_at_certificate(endpoint: str, timeout_s: float) -> ShownCertificate:
    """Connect, take the certificate, hang up.

    Args:
        endpoint: ``host:port``, IPv6 in brackets; reached without a proxy.
        timeout_s: how long all of it may take.

    Raises:
        CallFailed: nobody there, or nobody who speaks TLS.
    """
    try:
        async with asyncio.timeout(timeout_s):
            raw = await _shown(endpoint)
        return certificate_from_der(raw)
    except TimeoutError as error:
        raise CallFailed(_OPERATION, "no answer in time", Failure.LATE) from error
    except socket.gaierror as error:
        raise CallFailed(_OPERATION, "host name not found") from error
    except ConnectionRefusedError as error:
        raise CallFailed(_OPERATION, "connection refused") from error
    except ssl.SSLError as error:
        reason = "the other side does not speak TLS"
        raise CallFailed(_OPERATION, reason) from error
    except OSError as error:
        raise CallFailed(_OPERATION, error.strerror or "no connection") from error
    except ValueError as error:
        raise CallFailed(_OPERATION, "it makes no sense") from error


def certificate_from_der(raw: bytes) -> ShownCertificate:
    """Return a certificate with one of its names.

    Raises:
        ValueError: no certificate.
    """
    certificate = x509.load_der_x509_certificate(raw)
    pem = ssl.DER_cert_to_PEM_cert(raw).encode()
    return ShownCertificate(pem, _name(certificate))


def _name(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return str(common[0].value) if common else ""
    for name in names.get_values_for_type(x509.DNSName):
        # any name will do that the wildcard stands for
        return name.replace("*", "any", 1)
    addresses = names.get_values_for_type(x509.IPAddress)
    return str(addresses[0]) if addresses else ""


async def _shown(endpoint: str) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # what it is for
    context.set_alpn_protocols([ALPN])
    host, _, port = endpoint.rpartition(":")
    _, writer = await asyncio.open_connection(
        host.strip("[]"), int(port), ssl=context, limit=1
    )
    try:
        shown = writer.get_extra_info("ssl_object")
        return shown.getpeercert(binary_form=True) or b""
    finally:
        writer.transport.abort()
