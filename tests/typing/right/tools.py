"""Tools keep the signature of their function, also as an agent's tools."""

from collections.abc import AsyncIterator
from typing import Annotated, assert_type

from agents import Bound, CallContext, Pid, Tool, progress, start_agent, tool


@tool
def distance_km(origin: str, destination: str = "Oslo") -> int:
    """The distance between two cities."""
    return len(origin + destination)


@tool(timeout_s=5.0, idempotent=True, retries=2)
async def forecast(city: str) -> str:
    """The weather in a city."""
    progress({"asked": 1})
    return f"Rain in {city}"


@tool
async def count(to: int) -> AsyncIterator[int]:
    """Count, with each number as progress."""
    for number in range(to):
        yield number


@tool(requires_approval=lambda cents: cents > 1000)
def pay(cents: int, account: Annotated[str, Bound]) -> str:
    """Pay an amount."""
    return f"{cents} from {account}"


@tool
async def refund(call: CallContext, cents: int) -> str:
    """Pay back."""
    assert_type(call.dependencies, None)
    return f"{cents} by {call.key}, attempt {call.attempt}"


@tool(isolation="thread")
def lend(title: str, *, call: "CallContext[Desk]") -> str:
    """Lend a book."""
    assert_type(call.dependencies, Desk)
    return title + call.dependencies.orders[1]


class Desk:
    def __init__(self, orders: dict[int, str]) -> None:
        self.orders = orders

    async def look(self, order: int) -> str:
        """Look an order up."""
        return self.orders[order]


def plain(text: str) -> str:
    """Return the text."""
    return text


async def main(any_tool: Tool) -> Pid:
    assert_type(distance_km("Bergen"), int)
    assert_type(await forecast("Bergen"), str)
    assert_type([number async for number in count(3)], list[int])
    assert_type(pay.bind(account="A1")(500), str)
    assert_type(await refund(CallContext(key="k"), 500), str)
    assert_type(lend("Emma", call=CallContext(dependencies=Desk({1: "sent"}))), str)
    assert_type(lend.bind(call=Desk({1: "sent"}))("Emma"), str)
    look = tool(Desk({1: "sent"}).look)
    assert_type(await look(1), str)
    own: list[Tool] = [distance_km, forecast, look, any_tool]
    await start_agent(tools=own)
    given = [distance_km, forecast]
    await start_agent(tools=given)
    mixed = [distance_km, "calculator"]
    await start_agent(tools=mixed)
    return await start_agent(tools=[distance_km, pay.bind(account="A1"), look, plain, "calculator", "mine:tool"])
