"""The handshake of a link: each end proves that it has the cluster's secret, which does not travel.

    listener -> Hello with a nonce           it proves nothing yet
    dialer   -> Hello with a nonce and mac   the listener checks the mac before it reads anything else
    listener -> Proof(mac)                   the dialer checks it before it sends anything else

A mac is over the role of its sender and over both Hellos. Both nonces are new, so no proof is valid twice, and the
proof of one role is not valid for the other one.
"""

from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from hmac import compare_digest, digest
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agents.cluster.errors import HandshakeRefused
from agents.cluster.link.wire import Hello, Proof

NONCE_BYTES: Final = 32
WRONG_A_SECOND: Final = 10
ADDRESSES: Final = 1024  # remembered at a time


class Role(StrEnum):
    DIALER = "dialer"
    LISTENER = "listener"


class Identity(Struct, frozen=True):
    """A node, as it greets others. secret: the cluster's."""

    cluster: str
    name: str
    epoch: int
    incarnation: str
    version: str
    secret: bytes

    def __repr__(self) -> str:
        return f"Identity({self.cluster!r}, {self.name!r}, {self.epoch})"


def greeting(me: Identity, nonce: bytes) -> Hello:
    """Return this node's Hello without a proof. nonce: NONCE_BYTES of new random bytes."""
    return Hello(me.cluster, me.name, me.epoch, me.incarnation, me.version, nonce)


def dialed(mine: Hello, listener: Hello, secret: bytes, epoch: int, incarnation: str) -> Hello:
    """Return the dialer's Hello with its proof.

    epoch, incarnation: those of the expected node. Raises HandshakeRefused if the listener is another one.
    """
    _check(mine, listener)
    if (listener.epoch, listener.incarnation) != (epoch, incarnation):
        raise HandshakeRefused(f"expected the node of epoch {epoch}, got another one, of epoch {listener.epoch}")
    return replace(mine, mac=proof_of(secret, Role.DIALER, mine, listener))


def accepted(mine: Hello, dialer: Hello, secret: bytes) -> Proof:
    """Return the listener's proof for a dialer with a valid one. Raises HandshakeRefused."""
    _check(mine, dialer)
    _check_proof(dialer.mac, proof_of(secret, Role.DIALER, dialer, mine))
    return Proof(proof_of(secret, Role.LISTENER, dialer, mine))


def confirm(mine: Hello, listener: Hello, proof: Proof, secret: bytes) -> None:
    """Check the listener's proof. Raises HandshakeRefused."""
    _check_proof(proof.mac, proof_of(secret, Role.LISTENER, mine, listener))


def proof_of(secret: bytes, role: Role, dialer: Hello, listener: Hello) -> bytes:
    """Return the HMAC-SHA256 of both Hellos, without their macs."""
    transcript = [role.value, *_fields(dialer), *_fields(listener)]
    return digest(secret, msgspec.msgpack.encode(transcript), "sha256")


def _fields(hello: Hello) -> tuple[object, ...]:
    return msgspec.structs.astuple(replace(hello, mac=b""))


def _check(mine: Hello, theirs: Hello) -> None:
    if theirs.cluster != mine.cluster:
        raise HandshakeRefused(f"expected a node of the cluster {mine.cluster!r}, got one of {theirs.cluster[:80]!r}")
    if theirs.epoch == mine.epoch:
        raise HandshakeRefused(f"expected another node, got one of this node's own epoch, {mine.epoch}")
    if len(theirs.nonce) != NONCE_BYTES or theirs.nonce == mine.nonce:
        raise HandshakeRefused(f"expected a new nonce of {NONCE_BYTES} bytes, got another value")


def _check_proof(got: bytes, expected: bytes) -> None:
    if not compare_digest(got, expected):
        raise HandshakeRefused("expected a proof of the cluster's secret, got a wrong one: is it another secret?")


class WrongHandshakes:
    """The wrong handshakes of each address in the last second. Only the last ADDRESSES addresses are remembered.

    now_s: the clock.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def too_many(self, address: str) -> bool:
        """Return whether the address has to wait before its next handshake."""
        return len(self._recent(address)) >= WRONG_A_SECOND

    def count(self, address: str) -> None:
        self._wrong[address] = [*self._recent(address), self._now_s()][-WRONG_A_SECOND:]
        self._wrong.move_to_end(address)
        if len(self._wrong) > ADDRESSES:
            self._wrong.popitem(last=False)

    def _recent(self, address: str) -> list[float]:
        oldest = self._now_s() - 1.0
        return [at for at in self._wrong.get(address, ()) if at > oldest]
