"""The accumulator's rope of texts."""

from hypothesis import given
from hypothesis import strategies as st

from agents.core.accumulator import EMPTY, LONGEST_PIECE_CHARS, PIECE_CHARS, Rope, joined, longer


def pieces(rope: Rope) -> int:
    return 0 if not rope else 1 + pieces(rope[0])


@given(st.lists(st.text(max_size=3) | st.integers(0, 9000).map(lambda n: "ab" * n), max_size=30), st.integers(1, 300))
def test_a_rope_has_all_its_text_in_few_pieces(texts: list[str], repeated: int) -> None:
    texts, rope = texts * repeated if sum(map(len, texts)) < 100 else texts, EMPTY
    for text in texts:
        rope = longer(rope, text)
    whole = "".join(texts)
    assert joined(rope) == whole
    doublings = (LONGEST_PIECE_CHARS // PIECE_CHARS).bit_length()
    assert pieces(rope) <= 2 * (len(whole) // LONGEST_PIECE_CHARS + doublings + 1)
