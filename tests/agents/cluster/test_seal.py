"""A sealed text names its issuer, and only a node of the cluster can seal."""

from hypothesis import given
from hypothesis import strategies as st

from agents.cluster.seal import issuer_of, sealed

SECRET, OTHER = bytes(range(32)), bytes(32)
EPOCHS = st.integers(1, 2**63)
TEXTS = st.text("abcXYZ019_-", max_size=50)


@given(EPOCHS, TEXTS)
def test_a_sealed_text_names_its_issuer_to_nodes_of_the_same_cluster_only(epoch: int, text: str) -> None:
    given_ = sealed(SECRET, epoch, text)
    assert issuer_of(SECRET, given_) == epoch
    assert issuer_of(OTHER, given_) is None


@given(EPOCHS, EPOCHS, TEXTS)
def test_a_seal_is_of_its_epoch_and_its_text(epoch: int, other: int, text: str) -> None:
    named, _, proof = sealed(SECRET, epoch, text).rpartition(".")
    for changed in (f"{other}.{text}", f"{named}x", f"x{named}"):
        assert changed == named or issuer_of(SECRET, f"{changed}.{proof}") is None


@given(st.text(st.characters()))
def test_any_other_text_has_no_issuer(text: str) -> None:
    assert issuer_of(SECRET, text) is None
