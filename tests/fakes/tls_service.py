"""A discovery service in memory that speaks TLS, with a certificate made for it."""

import datetime as dt
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.discovery_service import FakeDiscoveryService


def make_certificate(name: str, *, expired: bool = False) -> tuple[bytes, bytes]:
    """A self-signed certificate for a DNS name and nothing else, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    now = dt.datetime.now(dt.UTC)
    end = now - dt.timedelta(hours=1) if expired else now + dt.timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=2))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


@asynccontextmanager
async def a_tls_service(
    folder: Path, name: str = "localhost", *, expired: bool = False
) -> AsyncIterator[tuple[str, str]]:
    """Serve TLS; yields the endpoint by the name ``localhost`` and a CA file."""
    certificate, key = make_certificate(name, expired=expired)
    ca_file = folder / f"{name}.pem"
    ca_file.write_bytes(certificate)
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    async with FakeDiscoveryService().serving(credentials) as service:
        port = service.endpoint.rpartition(":")[2]
        yield f"localhost:{port}", str(ca_file)
