"""Laws of @tool: what the model is shown, and which functions are refused."""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from agents.tools.binding import STAYS
from agents.tools.errors import InvalidTool
from agents.tools.signature import Bound
from agents.tools.tool import Tool, tool


class Place(BaseModel):
    city: str


@tool
def forecast(
    place: Place,
    day: datetime.date,
    unit: Literal["c", "f"] = "c",
    words: Annotated[int, Field(description="At most", ge=1)] = 20,
    *,
    key: Annotated[str, Bound] = "none",
) -> str:
    """Tell the weather
    of a day.

    Not for yesterday.

    place: where, and
    no more than one.
    words: overruled by its Field.
    """
    return f"{place.city} {day} {unit} {words} {key}"


def test_the_model_gets_name_description_and_a_closed_schema() -> None:
    assert (forecast.name, forecast.description) == ("forecast", "Tell the weather of a day.")
    assert forecast.parameters == {
        "type": "object",
        "additionalProperties": False,
        "required": ["place", "day"],
        "properties": {
            "place": {"$ref": "#/$defs/Place", "description": "where, and no more than one."},
            "day": {"type": "string", "format": "date"},
            "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
            "words": {"type": "integer", "minimum": 1, "default": 20, "description": "At most"},
        },
        "$defs": {
            "Place": {
                "title": "Place",
                "type": "object",
                "properties": {"city": {"title": "City", "type": "string"}},
                "required": ["city"],
            }
        },
    }


def test_a_tool_without_parameters_has_an_empty_schema() -> None:
    @tool(isolation="thread")
    def now() -> str:
        """Return the time."""
        return ""

    assert now.parameters == {"type": "object", "properties": {}, "additionalProperties": False}


def test_a_tool_can_be_called_as_its_function() -> None:
    assert forecast(Place(city="Ulm"), datetime.date(2024, 2, 29), words=1) == "Ulm 2024-02-29 c 1 none"


def test_a_tool_is_a_value() -> None:
    with pytest.raises(FrozenInstanceError):
        forecast.name = "other"  # type: ignore[misc]
    assert hash(forecast) == hash(forecast)


def test_a_def_runs_in_a_process_and_an_async_def_as_a_task() -> None:
    @tool
    async def waits() -> None:
        """Wait."""

    assert (forecast.isolation, waits.isolation) == ("process", "task")


def test_the_decorator_sets_the_policy() -> None:
    made = tool(name="other", description="Else.", timeout_s=1.5, idempotent=True, retries=5)(forecast.function)
    assert (made.name, made.description) == ("other", "Else.")
    assert (made.timeout_s, made.idempotent, made.retries) == (1.5, True, 5)


def test_a_parameter_may_have_any_name_that_python_allows() -> None:
    @tool(isolation="thread")
    def odd(schema: int, _hidden: int, model_config: int, self: int) -> int:
        """Add four numbers."""
        return schema + _hidden + model_config + self

    assert odd(**odd.arguments('{"schema": 1, "_hidden": 2, "model_config": 3, "self": 4}')) == 10


def test_a_bound_value_is_hidden_from_the_model_and_given_to_the_function() -> None:
    bound = forecast.bind(unit="f", key="k")
    assert list(bound.parameters["properties"]) == ["place", "day", "words"]
    values = bound.arguments('{"place": {"city": "Ulm"}, "day": "2024-02-29"}')
    assert bound(**values) == "Ulm 2024-02-29 f 20 k"
    assert "unit" in forecast.parameters["properties"]


def test_a_parameter_for_the_host_without_default_is_unbound_until_it_is_bound() -> None:
    @tool(isolation="thread")
    def read(name: str, root: Annotated[str, Bound]) -> str:
        """Join a name to the root."""
        return root + name

    assert read.unbound() == ("root",)
    assert read.bind(root="/").unbound() == ()


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"uni": "f"}, "forecast.bind: expected place or day or unit or words or key, got uni"),
        ({"unit": "k"}, "forecast.bind: unit: expected 'c' or 'f', got a value of type str"),
        ({"unit": {1j}}, f"forecast.bind: unit: expected plain JSON data, got set; {STAYS}"),
    ],
)
def test_a_value_that_does_not_fit_is_not_bound(values: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidTool) as caught:
        forecast.bind(**values)
    assert str(caught.value) == fault


def bare(a, b: int) -> None: ...  # type: ignore[no-untyped-def]
def starred(*names: str) -> None: ...
def keyed(**names: str) -> None: ...
def positional(a: int, /) -> None: ...
def misfit(a: int = "x") -> None: ...  # type: ignore[assignment]
def none(a: Annotated[int, Field(ge=1)] = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013
def unresolved(a: "Nowhere") -> None: ...  # type: ignore[name-defined] # noqa: F821
def uncarried(a: Callable[[], int]) -> None: ...
def generates() -> Iterator[int]:
    yield 1


def plain(a: int) -> int:
    """Return the number."""
    return a


def inner() -> Callable[..., Any]:
    def within() -> None: ...

    return within


async def waits() -> None: ...


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda: tool(bare), "expected an annotation on every parameter, got a without one"),
        (lambda: tool(starred), "expected parameters with names, got *names"),
        (lambda: tool(keyed), "expected parameters with names, got **names"),
        (lambda: tool(positional), "got positional-only a"),
        (lambda: tool(misfit), "a: expected a default that fits int, got 'x'"),
        (lambda: tool(none), "a: expected a default that fits int, got None; write int | None"),
        (lambda: tool(unresolved), "expected annotations that resolve, got name 'Nowhere' is not defined"),
        (lambda: tool(uncarried), "expected types that JSON can carry"),
        (lambda: tool(generates), "got a generator"),
        (lambda: tool(lambda: 1), "got a lambda or an inner function"),
        (lambda: tool(inner()), "got a lambda or an inner function"),
        (lambda: tool(isolation="task")(plain), "expected async def, got def"),
        (lambda: tool(isolation="thread")(waits), "expected def, got async def"),
        (lambda: tool(name="a b")(plain), "name: expected [a-zA-Z0-9_-]{1,64}, got 'a b'"),
        (lambda: tool(name="a" * 65)(plain), "name: expected"),
        (lambda: tool(timeout_s=0)(plain), "timeout_s: expected a number of seconds above 0, got 0"),
        (lambda: tool(max_restarts=-1)(plain), "max_restarts: expected 0 or more, got -1"),
        (lambda: tool(restart="permanent")(plain), "restart: expected temporary or transient"),  # type: ignore[call-overload]
    ],
)
def test_a_tool_that_cannot_work_is_refused_where_it_is_written(make: Callable[[], Tool], fault: str) -> None:
    with pytest.raises(InvalidTool) as caught:
        make()
    assert len(caught.value.faults) == 1
    assert fault in str(caught.value)
    assert "test_tool.py:" in str(caught.value)
