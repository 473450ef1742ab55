"""A client's schema accepts the values that JSON Schema accepts, in a bounded number of steps."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agents.agent_config.answer_type import AnswerType
from agents.agent_config.bounded import InvalidSchema, bounded_schema
from agents.agent_config.bounded.check import MAX_STEPS, CheckState, TooMuch

NAMES = st.sampled_from(["a", "b", "c"])
NUMBERS = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -2.5, 1e300])
SCALARS = st.none() | st.booleans() | NUMBERS | st.text("ab", max_size=3)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=8
)
COUNTS = st.integers(0, 3)
TYPES = st.sampled_from(["object", "array", "string", "number", "integer", "boolean", "null"])


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    named = st.dictionaries(NAMES, inner, max_size=2)
    some = st.lists(inner, min_size=1, max_size=2)
    return st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(VALUES, max_size=3),
            "const": VALUES,
            **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS),
            **dict.fromkeys(
                ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), COUNTS
            ),
            "multipleOf": st.sampled_from([1, 2, 0.5, 0.1, 1e-300]),
            "required": st.lists(NAMES, unique=True),
            "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, unique=True), max_size=2),
            "properties": named,
            "additionalProperties": inner,
            "propertyNames": inner,
            "prefixItems": some,
            "items": inner,
            "contains": inner,
            "minContains": COUNTS,
            "maxContains": COUNTS,
            "uniqueItems": st.booleans(),
            **dict.fromkeys(("allOf", "anyOf", "oneOf"), some),
            **dict.fromkeys(("not", "if", "then", "else"), inner),
            "dependentSchemas": named,
            "title": st.just("pattern"),
            "examples": st.just([{"pattern": "(a+)+$"}]),
        },
    )


SCHEMAS = st.recursive(st.booleans() | keywords(st.booleans()), keywords, max_leaves=6)


@given(SCHEMAS, VALUES)
@settings(max_examples=500)
def test_a_schema_accepts_the_values_that_json_schema_accepts(schema: Any, value: Any) -> None:
    assert bool(bounded_schema(schema).faults(value)) is not Draft202012Validator(schema).is_valid(value)


@given(st.lists(SCHEMAS, min_size=3, max_size=3), VALUES)
def test_a_reference_to_a_schema_is_followed(inner: list[Any], value: Any) -> None:
    a, b, c = inner
    schema = {
        "$defs": {"a/b": a, "b": {"allOf": [b]}, "tree": {"additionalProperties": {"$ref": "#/$defs/tree"}, "not": c}},
        "anyOf": [{"$ref": "#/$defs/a~1b"}, {"$ref": "#/$defs/b/allOf/0"}, {"$ref": "#/$defs/tree"}],
    }
    assert bool(bounded_schema(schema).faults(value)) is not Draft202012Validator(schema).is_valid(value)


HIDDEN = {"pattern": "^(a+)+$"}


@pytest.mark.parametrize(
    "schema",
    [
        HIDDEN,
        {"properties": {"a": HIDDEN}},
        {"$defs": {"a": {"items": [HIDDEN]}}},
        {"patternProperties": {"(a+)+$": True}},
        {"propertyNames": HIDDEN},
        {"if": True, "then": HIDDEN},
        {"then": HIDDEN},
        {"dependentSchemas": {"a": HIDDEN}},
        {"unevaluatedProperties": HIDDEN},
        {"unevaluatedItems": False},
        {"$dynamicRef": "#a", "$dynamicAnchor": "a"},
        {"$recursiveRef": "#"},
        {"$id": "http://a.test/", "$ref": "http://a.test/"},
        {"items": {"$id": "http://a.test/"}},
        {"dependencies": {"a": HIDDEN}},
        *({"$ref": f"#/{word}/0", word: [HIDDEN]} for word in ("examples", "enum", "x-a")),
        *(
            {"$ref": f"#/{word}", word: HIDDEN}
            for word in ("const", "default", "x-a", "discriminator", "contentSchema")
        ),
        {"$ref": "#/properties/a/const", "properties": {"a": {"const": HIDDEN}}},
        {"$ref": "http://127.0.0.1:1/schema"},
        {"$ref": "#/nowhere"},
        {"$ref": "#"},
        {"allOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"not": {"$ref": "#"}}}},
        {"properties": {f"a{place}": {"minLength": 1} for place in range(6000)}},
        {"required": ["a" * 100] * 1000},
        {"oneOf": [True] * 3000},
        {"enum": [[0]] * 11_000},
        json.loads('{"not":' * 70 + "true" + "}" * 70),
        {"minimum": float("inf")},
        {"minLength": -1},
        {"minimum": True},
        {"multipleOf": 0},
        {"type": "regex"},
        {"required": "a"},
        {"properties": [{}]},
        {"items": "a"},
        17,
    ],
)
def test_a_schema_without_a_bounded_check_is_refused_in_one_line(schema: Any) -> None:
    with pytest.raises(InvalidSchema) as refused:
        bounded_schema(schema)
    assert "expected" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 500


def doubled(levels: int) -> dict[str, Any]:
    twice = {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**twice, f"a{levels}": {"type": "object"}}}


@pytest.mark.parametrize("levels", [12, 40, 300])
def test_references_that_double_are_refused(levels: int) -> None:
    with pytest.raises(InvalidSchema):
        bounded_schema(doubled(levels))


def nested(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"a": value}
    return value


DEAR = [
    ({"items": {"oneOf": [{"const": number} for number in range(1000)]}}, [1] * 3000),
    ({"items": {"anyOf": [{"required": ["a"]}] * 500}}, [{}] * 3000),
    ({"items": {"enum": [*range(5000)]}}, [[1] * 100] * 3000),
    ({"uniqueItems": True}, [[number] for number in range(30_000)]),
    ({"contains": {"contains": {"contains": {"const": 1}}}}, [[[2] * 50] * 50] * 50),
    ({"additionalProperties": {"$ref": "#"}, "allOf": [{"additionalProperties": {"$ref": "#"}}] * 2}, nested(30)),
    ({"additionalProperties": {"$ref": "#"}}, nested(500)),
    ({"items": {"multipleOf": 1e-308}}, [int("9" * 4000)] * 3000),
    ({"not": {"items": {"not": {"items": {"not": {"const": 1}}}}}}, [[1] * 200] * 200),
    ({"propertyNames": {"enum": ["a" * 1000]}}, {f"{number}" * 20: 1 for number in range(15_000)}),
    ({"items": {"dependentSchemas": {"a": {"dependentRequired": {"a": ["b"] * 300}}}}}, [{"a": 1}] * 3000),
]


@pytest.mark.parametrize(("schema", "value"), DEAR)
def test_a_check_that_is_too_dear_stops_with_a_fault(schema: Any, value: Any) -> None:
    (fault,) = bounded_schema(schema).faults(value)
    assert fault.startswith("answer: expected an answer")


@given(SCHEMAS, VALUES)
def test_no_check_takes_more_steps_than_it_may(schema: Any, value: Any) -> None:
    run = CheckState()
    many = [value] * 5000
    try:
        bounded_schema({"items": schema}).root.check(many, None, run)
    except TooMuch:
        assert -MAX_STEPS <= run.left < 0
    else:
        assert run.left >= 0


def test_a_long_answer_is_refused_before_it_is_read() -> None:
    checked = AnswerType.bounded({"type": "object"}).check("{}" + " " * 300_000)
    assert checked.faults == ("answer: expected at most 131072 characters, got 300002",)


@pytest.mark.parametrize("text", ["```\n" + "\n" * 200_000, "```json\n" + "\n```\n" * 40_000 + "x", " \n" * 100_000])
def test_a_fence_that_does_not_end_costs_no_search(text: str) -> None:
    assert AnswerType.bounded({"type": "object"}).check(text).faults


@pytest.mark.parametrize("fenced", ["```json\n{}\n```", "\n```\n\n{}\n\n ```  \n", "{}", " {} \n"])
def test_a_fence_around_the_document_is_accepted(fenced: str) -> None:
    assert AnswerType.bounded({"type": "object"}).check(fenced).value == {}


def test_names_that_would_fill_the_pointers_of_many_schemas_are_refused() -> None:
    below: dict[str, Any] = {"properties": {f"a{number}": {} for number in range(1_000)}}
    with pytest.raises(InvalidSchema, match="expected a place of at most 4000 characters, got 3"):
        bounded_schema({"type": "object", "properties": {"k" * 30_000: below}})


def test_a_division_of_a_long_integer_counts_its_length() -> None:
    schema = bounded_schema({"type": "array", "items": {"multipleOf": 5e-324}})
    assert schema.faults([10**4_000] * 4) == ()
    (fault,) = schema.faults([10**4_000] * 10)
    assert "steps" in fault


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"properties": {"a": {"const": [[0]] * 11_000}}}, "/properties/a/const: {}, got an array with 11000 items"),
        ({"const": {"a": [[0]] * 11_000}}, "/const: {}, got an object with 1 keys"),
        ({"const": 1, "enum": [[0]] * 11_000}, "/enum: {}, got an array with 11000 items"),
        ({"const": [[0]] * 6000, "enum": [[0]] * 6}, "/const: {}, got an array with 6000 items"),
    ],
)
def test_values_that_are_too_many_are_refused_by_their_place(schema: Any, words: str) -> None:
    with pytest.raises(InvalidSchema) as refused:
        bounded_schema(schema)
    assert str(refused.value) == words.format("expected a value of at most 10000 parts")


def test_a_circle_of_references_is_refused_like_too_many_of_them() -> None:
    for schema in ({"$ref": "#"}, doubled(40)):
        with pytest.raises(InvalidSchema, match="at most 30 times, got more, or a circle"):
            bounded_schema(schema)


@pytest.mark.parametrize(
    ("given", "value", "equal"),
    [(2**70, 2.0**70, True), (-(2**70), -(2.0**70), True), (10**30, 1e30, False), (2**70, 2**70 + 1, False)],
)
def test_a_long_number_equals_a_float_that_holds_it(given: Any, value: Any, equal: bool) -> None:
    for one, other in ((given, value), (value, given)):
        assert (bounded_schema({"const": one}).faults(other) == ()) is equal
    assert (bounded_schema({"uniqueItems": True}).faults([given, value]) != ()) is equal
