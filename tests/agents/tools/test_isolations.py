"""Laws of results: the same value gives the same result in a process, a thread and a task."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.core.depth import MAX_DEPTH
from agents.core.events import ToolResult
from agents.sessions.payload import Decoder, encoded
from agents.tools.errors import ToolRaised
from agents.tools.pool import WorkerPool
from agents.tools.result import result_text
from agents.tools.run import run_call
from agents.tools.tool import Tool
from tests.agents.tools import returned

read: Decoder[ToolResult] = Decoder(ToolResult)


async def outcome(made: Tool, source: str, pool: WorkerPool) -> str:
    """Return the result as JSON, in which 1, 1.0, True and -0.0 differ, or the exception."""
    try:
        value = await run_call(made, json.dumps({"source": source}), pool)
    except ToolRaised as raised:
        return f"raised: {raised}"
    result = ToolResult(result_text(value), value)
    assert read(encoded(result)) == result
    return msgspec.json.encode(value).decode()


async def agreed(source: str, pool: WorkerPool) -> str:
    """Return the outcome that all isolations share."""
    outcomes = {await outcome(made, source, pool) for made in returned.ISOLATIONS}
    assert len(outcomes) == 1, outcomes
    return outcomes.pop()


LEAVES = st.one_of(
    st.none().map(repr),
    st.booleans().map(repr),
    st.integers().map(repr),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.text(st.characters(exclude_categories=())).map(ascii),
    st.binary(max_size=4).map(repr),
    st.sampled_from(
        [
            "math.nan", "math.inf", "-math.inf", "-0.0", "2**200", "-(10**5000)", "1j", "Number(7)",
            "decimal.Decimal('1.50')", "decimal.Decimal('NaN')", "fractions.Fraction(1, 3)", "uuid.UUID(int=1)",
            "pathlib.PurePosixPath('a/b')", "datetime.date(2024, 2, 29)", "datetime.timedelta(1)",
            "datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)", "Grade.GOOD", "Grade.SECRET", "Mute()", "Broken()",
            "Refusing()", "Model()", "steps()", "map(str, [1])", "zip([1], [2])", "[later()]", "io.StringIO('x')",
            "steps", "os", "int", "len", "lambda: 1", "iter([1])", "itertools.count()", "range(3)", "b'a'",
            "bytearray(b'\\xff')", "memoryview(b'a')", "array.array('i', [1, 2])", "{'b': 1, 2: 'a'}.keys()",
            "{'a': 1}.items()", "types.MappingProxyType({'a': 1})", "collections.Counter('aab')", "Pair(1, 'b')",
            "collections.UserString('q')", "'nul \\0'", "'half \\ud800'", "ValueError('v')", "nested(80)",
        ]
    ),
)  # fmt: skip
KEYS = st.sampled_from(["'a'", "1", "'1'", "1.5", "None", "(1, 2)", "b'x'", "'\\ud800'", "Grade.GOOD", "Number(1)"])
HASHABLE = st.sampled_from(["1", "'b'", "'a'", "None", "2.5", "(1, 'a')", "(1, 2)", "frozenset({3, 1})", "b'x'"])
SOURCES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda each: f"[{', '.join(each)}]"),
        st.lists(inner, max_size=3).map(lambda each: f"collections.deque([{', '.join(each)}])"),
        st.lists(HASHABLE, max_size=5).map(lambda each: f"{{{', '.join(each)}}}" if each else "set()"),
        st.dictionaries(KEYS, inner, max_size=4).map(
            lambda each: f"{{{', '.join(f'{key}: {value}' for key, value in each.items())}}}"
        ),
        st.tuples(st.sampled_from(["Row", "Record", "model"]), inner).map(lambda each: f"{each[0]}({each[1]})"),
    ),
    max_leaves=8,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=SOURCES)
async def test_a_value_has_the_same_result_in_every_isolation(source: str, pool: WorkerPool) -> None:
    shown = await agreed(source, pool)
    assert "object at 0x" not in shown
    assert "RecursionError" not in shown


@pytest.mark.parametrize("of", ["list", "lambda held: {'a': held}", "lambda held: (held,)", "Row", "Record", "model"])
@pytest.mark.parametrize("more", [0, 1, 400, 5000])
async def test_a_value_that_nests_too_deep_is_refused_with_a_reason(of: str, more: int, pool: WorkerPool) -> None:
    shown = await agreed(f"nested({MAX_DEPTH + more}, of={of})", pool)
    if more:
        assert shown.startswith(f"raised: InvalidData: expected data nested at most {MAX_DEPTH} deep, got deeper")
    else:
        json.loads(shown)


@pytest.mark.parametrize("source", ["circular()", "[circular()]", "Row(circular())", "Model(held=circular())"])
async def test_a_value_that_contains_itself_is_refused_with_a_reason(source: str, pool: WorkerPool) -> None:
    assert "or data that contains itself" in await agreed(source, pool)


@pytest.mark.parametrize("source", ["doubled(60)", "range(10**12)", "{'a': doubled(60)}", "['x' * 10**6] * 10**6"])
async def test_a_value_with_endless_json_is_cut(source: str, pool: WorkerPool) -> None:
    assert json.loads(await agreed(source, pool)).endswith("\n[cut: the first 1048576 bytes]")


@pytest.mark.parametrize("source", ["later()", "numbers()"])
async def test_a_def_may_return_an_awaitable(source: str, pool: WorkerPool) -> None:
    for made in (returned.in_process, returned.in_thread):
        assert await run_call(made, json.dumps({"source": source}), pool) == 1


@pytest.mark.parametrize("source", ["nested(65)", "circular()", "steps()", "os"])
async def test_progress_without_a_form_in_json_raises_in_the_tool(source: str, pool: WorkerPool) -> None:
    with pytest.raises(ToolRaised, match="InvalidData: expected "):
        await run_call(returned.reports, json.dumps({"source": source}), pool)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{'b', 'a', 'c'}", ["a", "b", "c"]),
        ("{10, 9, 1.5}", [1.5, 9, 10]),
        ("{1, 'a', (1, 2)}", ["a", 1, [1, 2]]),
        ("{1: 'a', '1': 'b'}", {"1": "a", "1 (2)": "b"}),
        ("{None: 1, True: 2, (1, 'x'): 3}", {"null": 1, "true": 2, '[1,"x"]': 3}),
        ("b'a'", "YQ=="),
        ("Row(b'a')", {"held": "YQ=="}),
        ("Model(held=b'a')", {"held": "YQ==", "raw": "/w=="}),
        ("[math.nan, -math.inf]", ["NaN", "-Infinity"]),
        ("Model(held=math.inf, raw=b'')", {"held": "Infinity", "raw": ""}),
        ("range(3)", [0, 1, 2]),
        ("Pair(1, 'b')", [1, "b"]),
        ("Grade.SECRET", "SECRET"),
        ("[steps(), 1]", ["[no JSON: a generator: return a list of its values]", 1]),
        ("[Mute(), 1]", ["[no JSON: a Mute: return its data, as a dict]", 1]),
        (
            "{'a': Broken(), 'b': 1}",
            {"a": "[no JSON: a Broken that can't be converted (LookupError: no text)]", "b": 1},
        ),
    ],
)
async def test_a_value_becomes_the_data_that_the_manual_lists(source: str, value: Any, pool: WorkerPool) -> None:
    assert json.loads(await agreed(source, pool)) == value


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("steps()", "got a generator: return a list of its values"),
        ("map(str, [1])", "got a map: return a list of its values"),
        ("itertools.count()", "got a count: return a list of its values"),
        ("io.StringIO('x')", "got a StringIO: return its text or its path"),
        ("steps", "got a function: return what it returns"),
        ("os", "got a module: return data of it"),
        ("int", "got a class: return the data of an instance"),
        ("Mute()", "got a Mute: return its data, as a dict"),
        ("10**5000", "got a whole number of more than 4300 digits: return it as a text, such as its hex()"),
        ("Refusing()", "got a Refusing that can't be converted (PydanticSerializationError"),
    ],
)
async def test_a_result_without_a_form_in_json_says_what_to_return(source: str, words: str, pool: WorkerPool) -> None:
    assert f"raised: InvalidData: expected JSON data, {words}" in await agreed(source, pool)
