"""A certificate that nobody vouches for, as who stands between a connector and its bank would show.

Rule: all else about it is sound, its dates and its names, so that a client can object to nothing but its issuer.
"""

import ssl
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NAMES = ("localhost",)
ADDRESSES = ("127.0.0.1", "::1")
LIFE = timedelta(days=90)
CLOCKS_DIFFER = timedelta(days=1)


def untrusted_context(host: str, now: datetime) -> ssl.SSLContext:
    """A server's context with what `untrusted_pem` gives."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # ssl reads certificates from files only.
    with TemporaryDirectory() as folder:
        chain = Path(folder, "untrusted.pem")
        chain.write_bytes(untrusted_pem(host, now))
        context.load_cert_chain(chain)
    return context


def untrusted_pem(host: str, now: datetime) -> bytes:
    """A fresh key, and a self-signed certificate for this machine and for `host` (a name or an address).

    `now` is aware.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "banksim untrusted")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)


def _names(host: str) -> list[x509.GeneralName]:
    names: list[x509.GeneralName] = [x509.DNSName(each) for each in NAMES]
    names += [x509.IPAddress(ip_address(each)) for each in ADDRESSES]
    try:
        own: x509.GeneralName = x509.IPAddress(ip_address(host))
    except ValueError:
        own = x509.DNSName(host)
    return names if own in names else [*names, own]
