"""Checks of the address and the certificate, made before anything starts."""

import re
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from agents.gateway.errors import InvalidCertificate, NotSafe
from agents.settings import GatewaySettings

_CERTIFICATE: Final = re.compile(
    "-----BEGIN (X509 |TRUSTED |)CERTIFICATE-----.+?-----END \\1CERTIFICATE-----", re.DOTALL
)


def check_listen(settings: GatewaySettings) -> None:
    """Raise NotSafe if the host is not loopback and neither TLS nor allow_remote is set."""
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise NotSafe("expected tls_certificate and tls_key together, got one of them")
    if not (_is_loopback(settings.host) or settings.tls_certificate or settings.allow_remote):
        raise NotSafe(
            f"expected a host that is loopback, got {settings.host!r}: set tls_certificate and tls_key, or allow_remote"
        )


def check_certificate(settings: GatewaySettings) -> None:
    """Raise InvalidCertificate if the certificate and its key are unusable."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None or key is None:
        return

    def passphrase() -> str:
        raise InvalidCertificate(f"expected a key without a passphrase in {key}, got one that has one")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, passphrase)
    except OSError as error:
        why = _why(error, certificate, key)
        raise InvalidCertificate(
            f"expected a certificate and its key, as PEM, in {certificate} and {key}, got {why}"
        ) from None


def first_certificate(file: Path) -> str:
    """Return the server's certificate from a file that check_certificate accepted.

    The file may also have comments in any encoding, the chain and the key.
    """
    found = _CERTIFICATE.search(file.read_text(encoding="latin-1"))
    assert found is not None
    return found[0]


def _why(error: OSError, *files: Path) -> str:
    if isinstance(error, ssl.SSLError):
        return (error.reason or "something else").lower().replace("_", " ")
    missing = [str(file) for file in files if not file.exists()]
    return f"no {' and no '.join(missing)}" if missing else error.strerror or str(error)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
