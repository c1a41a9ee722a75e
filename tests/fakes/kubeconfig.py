"""Kubeconfig files and certificates, made where a test needs them."""

import datetime as dt
from ipaddress import ip_address
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def a_pair() -> tuple[bytes, bytes]:
    """A certificate for 127.0.0.1 that signs itself, and its key; PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "system:node:n")])
    start = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), pem


def a_kubeconfig(
    path: Path, cluster: dict | None = None, user: dict | None = None
) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "default",
        "contexts": [
            {"name": "other", "context": {"cluster": "x", "user": "x"}},
            {"name": "default", "context": {"cluster": "c", "user": "u"}},
        ],
        "clusters": [
            {
                "name": "c",
                "cluster": {"server": "https://[::1]:6443/", **(cluster or {})},
            }
        ],
        "users": [{"name": "u", "user": user or {}}],
    }
    file = path / "kubeconfig"
    file.write_text(yaml.safe_dump(document))
    return file
