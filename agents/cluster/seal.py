"""Seals: a text that names the node which issued it, with a proof that a node of the cluster made it.

    EPOCH.TEXT.PROOF

A text without a valid proof costs no other node a question.
"""

from hmac import compare_digest, digest
from typing import Final

ROLE: Final = b"issued\0"
"""Keeps a proof apart from those of the handshake, which have the same secret."""


def sealed(secret: bytes, epoch: int, text: str) -> str:
    """Return the sealed text. secret: the cluster's. text: without a dot."""
    named = f"{epoch}.{text}"
    return f"{named}.{_proof(secret, named)}"


def issuer_of(secret: bytes, given: str) -> int | None:
    """Return the epoch of the node that issued a sealed text; None for any other text."""
    named, _, proof = given.rpartition(".")
    if not compare_digest(proof.encode(errors="surrogatepass"), _proof(secret, named).encode()):
        return None
    return int(named.partition(".")[0])


def _proof(secret: bytes, named: str) -> str:
    return digest(secret, ROLE + named.encode(errors="surrogatepass"), "sha256").hex()[:32]
