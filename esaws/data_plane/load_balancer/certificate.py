"""A self-signed certificate for the HTTPS listeners of one load balancer: AWS never gives out its private keys."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

HTTP2, HTTP1 = "h2", "http/1.1"
"""The names of protocols in the negotiation of TLS.

https://www.iana.org/assignments/tls-extensiontype-values/
"""

_VALID = timedelta(days=30)


def server_context(names: Iterable[str]) -> ssl.SSLContext:
    """Return the TLS settings of a server with a new certificate for DNS names and addresses; it offers HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "certificate.pem"
        file.touch(mode=0o600)
        file.write_bytes(_certificate(tuple(names)))
        context.load_cert_chain(file)
    offer(context, http2=False)
    return context


def offer(context: ssl.SSLContext, *, http2: bool) -> None:
    """Let new connections negotiate HTTP/1.1, and with `http2` HTTP/2 rather than that."""
    context.set_alpn_protocols([HTTP2, HTTP1] if http2 else [HTTP1])


def _certificate(names: tuple[str, ...]) -> bytes:
    """Return a private key and its certificate as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "esaws load balancer")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _VALID)
        .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str):  # type: ignore[no-untyped-def]
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
