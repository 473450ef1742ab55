"""Any Erlang term, for properties."""

from hypothesis import strategies as st

from agents.configuration.erlang import Atom, Binary, Float, Integer, List, Map, String, Term, Tuple

TEXT = st.text(st.characters(codec="utf-8"))

SCALARS: st.SearchStrategy[Term] = st.one_of(
    st.builds(Atom, st.text(st.characters(codec="utf-8"), max_size=255)),
    st.builds(Integer, st.integers(-(10**30), 10**30)),
    st.builds(Float, st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(String, TEXT),
    st.builds(Binary, st.binary() | TEXT.map(str.encode)),
)


def _nested(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    several = st.lists(inner, max_size=4).map(tuple)
    pairs = st.lists(st.tuples(inner, inner), max_size=3).map(tuple)
    return st.builds(List, several) | st.builds(Tuple, several) | st.builds(Map, pairs)


TERMS = st.recursive(SCALARS, _nested, max_leaves=20)
