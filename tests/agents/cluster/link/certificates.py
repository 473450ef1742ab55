"""Certificates of nodes, made by openssl: an authority, and certificates that it signed."""

import subprocess
from pathlib import Path

from agents.settings.cluster import ClusterSettings

KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def openssl(*args: str | Path) -> None:
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def authority(folder: Path) -> Path:
    """Create an authority, and return its folder."""
    folder.mkdir()
    openssl("req", "-x509", *KEY, "-subj", "/CN=authority", "-keyout", folder / "ca.key", "-out", folder / "ca.pem")
    return folder


def certificate(signer: Path, name: str, names: str = "IP:127.0.0.1", trusted: Path | None = None) -> ClusterSettings:
    """Return the settings of a node with a certificate of the authority. trusted: another authority for its peers."""
    made, key, request = signer / f"{name}.pem", signer / f"{name}.key", signer / f"{name}.csr"
    extensions = signer / f"{name}.ext"
    extensions.write_text(f"subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\n")
    openssl("req", *KEY, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
    ca = ("-CA", signer / "ca.pem", "-CAkey", signer / "ca.key", "-CAcreateserial")
    openssl("x509", "-req", "-in", request, *ca, "-extfile", extensions, "-out", made)
    return ClusterSettings(tls_certificate=made, tls_key=key, tls_ca=(trusted or signer) / "ca.pem")
