"""Tools with state: methods, partials, objects that can be called, and values that the host binds."""

import dataclasses
from collections.abc import Callable
from functools import lru_cache, partial
from types import MethodType
from typing import Annotated, Any, Protocol

import pytest
from pydantic import BaseModel, SecretStr

from agents.tools.errors import InvalidTool
from agents.tools.pool import WorkerPool
from agents.tools.registry import resolve
from agents.tools.run import run_call
from agents.tools.signature import Bound
from agents.tools.tool import Tool, tool
from tests.agents.tools.with_state import Branch, Desk, find, lent, partly, signed

SECRET = "s3cr3t-4711"

thread = tool(isolation="thread")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def shown(made: Tool) -> set[str]:
    """Return the names of the parameters that the model sees."""
    return set(made.parameters["properties"])


async def test_a_tool_of_a_class_body_is_a_tool_of_each_object(desk: Desk, pool: WorkerPool) -> None:
    other = Desk()
    for _ in range(2):
        await run_call(desk.lend, '{"title": "Emma"}', pool)
    assert await run_call(other.lend, '{"title": "Emma"}', pool) == 1
    assert await run_call(desk.count, "", pool) == 2
    assert shown(desk.lend) == {"title"}
    assert desk.lend("Emma") == 3
    assert desk.loans() == ["Emma"] * 3


METHODS: dict[str, Callable[[Desk], Any]] = {
    "a bound method": lambda desk: thread(desk.loans),
    "a bound async method": lambda desk: tool(desk.loans_soon),
    "a method of a class with its object": lambda desk: thread(MethodType(Desk.loans, desk)),
    "a partial of a function": lambda desk: thread(partial(lambda_of(desk), desk)),
    "a partial of a method": lambda desk: thread(partial(desk.loans, 10)),
}


def lambda_of(_: Desk) -> Callable[..., Any]:
    def listed(desk: Desk, limit: int = 10) -> list[str]:
        """List the loans."""
        return desk.loans(limit)

    return listed


@pytest.mark.parametrize("form", METHODS)
async def test_a_callable_with_state_is_a_tool(form: str, desk: Desk, pool: WorkerPool) -> None:
    made = METHODS[form](desk)
    desk.lend("Emma")
    assert await run_call(made, "{}", pool) == ["Emma"]
    assert made.description == "List the loans."
    assert shown(made) <= {"limit"}


async def test_an_object_that_can_be_called_is_a_tool_with_the_name_of_its_class(desk: Desk, pool: WorkerPool) -> None:
    made = thread(desk)
    desk.lend("Emma")
    assert (made.name, made.description) == ("Desk", "Say whether the book is lent.")
    assert await run_call(made, '{"title": "Emma"}', pool) is True


async def test_what_a_partial_sets_is_hidden_from_the_model(desk: Desk, pool: WorkerPool) -> None:
    made = thread(partly(desk))
    assert (made.name, shown(made)) == ("find", {"title"})
    assert await run_call(made, '{"title": "Emma"}', pool) is False


@pytest.mark.parametrize(
    ("make", "name", "arguments", "expected"),
    [
        (lambda: Desk.opens, "opens", '{"hour": 9}', "main opens at 9"),
        (lambda: Branch.opens, "opens", '{"hour": 9}', "north opens at 9"),
        (lambda: Branch().opens, "opens", '{"hour": 9}', "north opens at 9"),
        (lambda: tool(Branch.closes), "closes", '{"hour": 9}', "north closes at 9"),
        (lambda: Desk.shelf, "shelf", '{"title": "Emma"}', "E"),
        (lambda: tool(Desk.row), "row", '{"title": "Emma"}', "a"),
        (lambda: tool(Desk().row), "row", '{"title": "Emma"}', "a"),
    ],
)
async def test_a_class_method_and_a_static_method_run_in_a_worker_process(
    make: Callable[[], Tool], name: str, arguments: str, expected: str, pool: WorkerPool
) -> None:
    made = make()
    assert (made.name, made.isolation) == (name, "process")
    await pool.load([made])
    assert await run_call(made, arguments, pool) == expected


def test_a_class_method_around_a_tool_is_a_tool_of_the_class() -> None:
    made = thread(Desk.loans)
    assert tool(MethodType(made, Desk)).function == MethodType(Desk.loans, Desk)  # as Python 3.13 makes it


IN_THIS_PROCESS = 'isolation="thread" and async def run it in this process'


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (lambda desk: tool(desk.loans), f"got a method of Desk, whose object is in this process; {IN_THIS_PROCESS}"),
        (lambda desk: tool(desk), f"got a method of Desk, whose object is in this process; {IN_THIS_PROCESS}"),
        (lambda desk: tool(Desk.loans), f"got a method, whose object is in this process; {IN_THIS_PROCESS}"),
        (
            lambda desk: tool(partly(desk)),
            f"got a partial, whose arguments are values of this process; {IN_THIS_PROCESS}",
        ),
        (lambda desk: tool(lru_cache(Desk.row)), f"got _lru_cache_wrapper; {IN_THIS_PROCESS}"),
        (lambda desk: tool(Desk), "expected a function, got the class Desk: use a method of an object of it"),
        (lambda desk: tool(desk.lend), "expected a function, got the tool lend: lend.bind(...) sets parameters"),
        (lambda desk: tool(partial(desk.lend, "a")), "got the tool lend: lend.bind(...) sets parameters"),
        (lambda desk: thread(object()), "expected a function, got object"),  # type: ignore[arg-type]
        (
            lambda desk: thread(find),
            "got desk: Desk; if the host gives it, write desk: Annotated[Desk, Bound] and bind",
        ),
    ],
)
def test_a_callable_that_a_worker_process_lacks_is_refused_with_the_way_out(
    make: Callable[[Desk], Tool], fault: str, desk: Desk
) -> None:
    with pytest.raises(InvalidTool) as caught:
        make(desk)
    assert len(caught.value.faults) == 1
    assert fault in str(caught.value)


def test_a_method_in_the_body_of_a_class_is_refused_where_it_is_written() -> None:
    with pytest.raises(InvalidTool, match="got a method, whose object is in this process"):

        class Shop:
            @tool
            def sell(self, title: str) -> None:
                """Sell a book."""

    with pytest.raises(InvalidTool, match="got @tool below @classmethod, not above it"):

        class Kiosk:
            @classmethod
            @tool
            def sell(cls, title: str) -> None:
                """Sell a book."""


def test_a_method_may_return_an_object_of_its_class() -> None:
    class Shop:
        @thread
        def other(self: "Shop", title: str) -> "Shop":
            """Name another shop."""
            return self

    assert shown(Shop().other) == {"title"}


def test_two_objects_of_a_class_are_two_tools_of_one_name(desk: Desk) -> None:
    with pytest.raises(InvalidTool, match="expected every name once, got lend again"):
        resolve([desk.lend, Desk().lend])
    assert list(resolve([desk.lend, dataclasses.replace(Desk().lend, name="lend_north")])) == ["lend", "lend_north"]


def test_a_class_inside_a_function_has_no_tools_for_worker_processes() -> None:
    class Shop:
        @staticmethod
        def sell(title: str) -> None:
            """Sell a book."""

        @classmethod
        def buy(cls, title: str) -> None:
            """Buy a book."""

    for inner in (Shop.sell, Shop.buy):
        with pytest.raises(InvalidTool, match="got a lambda or an inner function; write it in a module of its own"):
            tool(inner)


@pytest.mark.parametrize(
    ("named", "fault"),
    [
        (Desk.lend, "lend: expected the method of an object, got Desk.lend of the class: give lend of an object"),
        (Desk.loans_soon, "expected the method of an object"),
        ("tests.agents.tools.with_state:Desk.lend", "expected the method of an object"),
        (object(), "expected a name, a Tool or a function, got object"),
        (
            dataclasses.make_dataclass("Shop", ["name"], namespace={"sell": Desk.lend})("x"),
            "got Shop; give its methods: sell",
        ),
        (thread(lent), "got nothing; lent.bind(desk=...) makes the tool to give"),
    ],
)
def test_a_list_with_a_tool_without_its_object_or_value_is_refused(named: Any, fault: str) -> None:
    with pytest.raises(InvalidTool) as caught:
        resolve([named])
    assert fault in str(caught.value)


def test_methods_and_objects_may_stand_in_a_list_of_tools(desk: Desk) -> None:
    assert list(resolve([desk.lend, desk.count, desk.loans_soon, thread(desk.loans)])) == [
        "lend",
        "count",
        "loans_soon",
        "loans",
    ]


class Reader(Protocol):
    def loans(self) -> list[str]: ...


class Limits(BaseModel):
    most: int


async def test_in_a_thread_a_bound_value_is_the_same_object(desk: Desk, pool: WorkerPool) -> None:
    @thread
    def looked_up(
        title: str,
        *,
        desk: Annotated[Desk, Bound],
        reader: Annotated[Reader, Bound],
        seen: Annotated[list[str], Bound],
        limits: Annotated[Limits, Bound],
        hook: Annotated[Callable[[str], None], Bound],
    ) -> bool:
        """Say whether a book is lent."""
        hook(title)
        return title in desk.loans() and len(reader.loans()) <= limits.most

    seen: list[str] = []
    limits = Limits(most=3)
    made = looked_up.bind(desk=desk, reader=desk, seen=seen, limits=limits, hook=seen.append)
    assert shown(made) == {"title"}
    assert all(made.fixed[name] is value for name, value in made.bound.items())
    desk.lend("Emma")
    assert await run_call(made, '{"title": "Emma"}', pool) is True
    assert seen == ["Emma"]


async def test_a_model_can_not_set_a_bound_parameter(desk: Desk, pool: WorkerPool) -> None:
    made = thread(lent).bind(desk=desk)
    with pytest.raises(Exception, match="desk: expected only title, got this one too"):
        await run_call(made, '{"title": "Emma", "desk": 1}', pool)


def test_a_value_that_json_lacks_is_not_bound_for_a_worker_process(desk: Desk) -> None:
    with pytest.raises(InvalidTool, match="got Desk; a worker process gets it over a socket"):
        tool(lent).bind(desk=desk)


@pytest.mark.parametrize("isolation", ["process", "thread"])
async def test_a_secret_of_pydantic_is_bound_as_its_value(isolation: Any, pool: WorkerPool) -> None:
    made = tool(isolation=isolation)(signed).bind(key=SecretStr(SECRET))
    assert await run_call(made, '{"text": "abc"}', pool) == 3 + len(SECRET)


def _checks(key: Annotated[int, Bound]) -> None:
    """Check."""


@pytest.mark.parametrize("isolation", ["process", "thread"])
@pytest.mark.parametrize("value", [SECRET, SecretStr(SECRET), SECRET.encode(), {SECRET: 1}, object()])
def test_the_refusal_of_a_bound_value_names_its_type_only(isolation: Any, value: Any) -> None:
    with pytest.raises(InvalidTool) as caught:
        tool(isolation=isolation)(_checks).bind(key=value)
    assert SECRET not in str(caught.value)
    assert "_checks.bind: key: " in str(caught.value)


def test_the_text_of_a_tool_shows_no_value_of_the_host(desk: Desk) -> None:
    @dataclasses.dataclass
    class Shop:
        key: str

        async def sell(self) -> None:
            """Sell a book."""

        def __call__(self) -> None:
            """Sell a book."""

    shop = Shop(SECRET)
    made: list[Tool] = [
        tool(shop.sell),
        thread(shop),
        thread(partial(signed, key=SECRET)),
        tool(signed).bind(key=SECRET),
    ]
    for each in made:
        assert SECRET not in f"{each!r} {each} {[each]} {each.parameters} {each.description}"
