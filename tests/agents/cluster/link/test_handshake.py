"""The handshake: both ends prove the secret, and no message of one handshake is worth anything in another one."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agents.cluster.errors import HandshakeRefused
from agents.cluster.link.handshake import (
    NONCE_BYTES,
    WRONG_A_SECOND,
    Identity,
    Role,
    WrongHandshakes,
    accepted,
    confirm,
    dialed,
    greeting,
    proof_of,
)
from agents.cluster.link.wire import Hello, Proof

SECRET = bytes(range(32))
A = Identity("c", "a", 1, "ia", "1", SECRET)
B = Identity("c", "b", 2, "ib", "1", SECRET)
nonces = st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)


def nonce(first: int) -> bytes:
    return bytes([first]) * NONCE_BYTES


def hellos(secret: bytes = SECRET) -> tuple[Hello, Hello]:
    """Return the Hello of the listener B, and that of the dialer A with its proof."""
    listener = greeting(B, nonce(2))
    return listener, dialed(greeting(A, nonce(1)), listener, secret, B.epoch, B.incarnation)


@given(nonces, nonces)
def test_two_nodes_with_one_secret_accept_each_other(one: bytes, other: bytes) -> None:
    if one == other:
        return
    mine, listener = greeting(A, one), greeting(B, other)
    hello = dialed(mine, listener, SECRET, B.epoch, B.incarnation)
    confirm(mine, listener, accepted(listener, hello, SECRET), SECRET)


@given(st.binary(max_size=64))
def test_another_secret_is_refused_by_both_ends(secret: bytes) -> None:
    if secret.rstrip(b"\0") == SECRET.rstrip(b"\0"):  # HMAC pads a short key with zeros
        return
    listener, hello = hellos(secret)
    with pytest.raises(HandshakeRefused, match="expected a proof of the cluster's secret"):
        accepted(listener, hello, SECRET)
    with pytest.raises(HandshakeRefused, match="expected a proof of the cluster's secret"):
        confirm(hello, listener, Proof(proof_of(secret, Role.LISTENER, hello, listener)), SECRET)


def test_a_replayed_hello_is_refused() -> None:
    _, hello = hellos()
    later = greeting(B, nonce(3))
    with pytest.raises(HandshakeRefused, match="wrong one"):
        accepted(later, hello, SECRET)


def test_a_replayed_proof_is_refused() -> None:
    listener, hello = hellos()
    proof = accepted(listener, hello, SECRET)
    later = greeting(A, nonce(4))
    with pytest.raises(HandshakeRefused, match="wrong one"):
        confirm(later, listener, proof, SECRET)


def test_a_proof_is_not_valid_for_the_other_role() -> None:
    listener, hello = hellos()
    with pytest.raises(HandshakeRefused, match="wrong one"):
        confirm(hello, listener, Proof(hello.mac), SECRET)
    mirrored = replace(hello, mac=accepted(listener, hello, SECRET).mac)
    with pytest.raises(HandshakeRefused, match="wrong one"):
        accepted(listener, mirrored, SECRET)


@pytest.mark.parametrize(
    "change",
    [
        lambda hello: replace(hello, name="c"),
        lambda hello: replace(hello, epoch=3),
        lambda hello: replace(hello, incarnation="ic"),
        lambda hello: replace(hello, version="2"),
        lambda hello: replace(hello, nonce=nonce(9)),
        lambda hello: replace(hello, mac=b""),
        lambda hello: replace(hello, mac=hello.mac[:-1]),
        lambda hello: replace(hello, mac=hello.mac + b"\0"),
    ],
    ids=["name", "epoch", "incarnation", "version", "nonce", "no mac", "short mac", "long mac"],
)
def test_a_changed_hello_is_refused(change: Callable[[Hello], Hello]) -> None:
    listener, hello = hellos()
    with pytest.raises(HandshakeRefused, match="wrong one"):
        accepted(listener, change(hello), SECRET)


@pytest.mark.parametrize(
    ("listener", "line"),
    [
        (greeting(replace(B, cluster="d"), nonce(2)), "expected a node of the cluster 'c', got one of 'd'"),
        (greeting(replace(B, epoch=1), nonce(2)), "expected another node, got one of this node's own epoch, 1"),
        (greeting(replace(B, epoch=3), nonce(2)), "expected the node of epoch 2, got another one, of epoch 3"),
        (greeting(replace(B, incarnation="x"), nonce(2)), "expected the node of epoch 2, got another one, of epoch 2"),
        (greeting(B, nonce(1)), "expected a new nonce of 32 bytes, got another value"),
        (greeting(B, b"short"), "expected a new nonce of 32 bytes, got another value"),
    ],
)
def test_a_dialer_proves_nothing_to_an_unexpected_node(listener: Hello, line: str) -> None:
    with pytest.raises(HandshakeRefused) as refused:
        dialed(greeting(A, nonce(1)), listener, SECRET, B.epoch, B.incarnation)
    assert str(refused.value) == line


def test_the_secret_is_in_no_repr() -> None:
    assert repr(A) == "Identity('c', 'a', 1)"


def test_an_address_waits_after_ten_wrong_handshakes_in_a_second_and_others_do_not() -> None:
    now_s = 100.0
    wrong = WrongHandshakes(lambda: now_s)
    for _ in range(WRONG_A_SECOND):
        assert not wrong.too_many("1.2.3.4")
        wrong.count("1.2.3.4")
    assert wrong.too_many("1.2.3.4")
    assert not wrong.too_many("1.2.3.5")
    now_s += 0.99
    assert wrong.too_many("1.2.3.4")
    now_s += 0.02
    assert not wrong.too_many("1.2.3.4")


def test_wrong_handshakes_from_many_addresses_need_bounded_memory() -> None:
    wrong = WrongHandshakes(lambda: 0.0)
    for number in range(5000):
        for _ in range(20):
            wrong.count(str(number))
    assert sum(map(len, wrong._wrong.values())) <= 1024 * WRONG_A_SECOND
    assert wrong.too_many("4999")
    assert not wrong.too_many("0")
