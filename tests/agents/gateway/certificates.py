"""Self-signed certificates, made by openssl."""

import asyncio
from pathlib import Path
from typing import NamedTuple


class Signed(NamedTuple):
    certificate: Path
    key: Path


async def self_signed(folder: Path, host: str = "localhost", passphrase: str | None = None) -> Signed:
    made = Signed(folder / f"{host}.pem", folder / f"{host}.key")
    secrecy = ["-nodes"] if passphrase is None else ["-passout", f"pass:{passphrase}"]
    process = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *secrecy),
        *("-subj", f"/CN={host}", "-addext", f"subjectAltName=DNS:{host}"),
        *("-keyout", made.key, "-out", made.certificate),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await process.wait() == 0
    return made
