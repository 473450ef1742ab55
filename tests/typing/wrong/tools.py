"""Tools with a wrong option, or called with wrong arguments."""

from agents import CallContext, tool


@tool
def distance_km(origin: str, destination: str) -> int:
    """The distance between two cities."""
    return len(origin + destination)


@tool(idempotent=True)
async def forecast(city: str) -> str:
    """The weather in a city."""
    return f"Rain in {city}"


@tool
def lend(title: str, call: CallContext[int]) -> str:
    """Lend a book."""
    return title + call.dependencies  # wrong: an int is no str


async def main() -> None:
    distance_km("Oslo", 5)  # wrong: not a str
    distance_km("Oslo")  # wrong: an argument is missing
    distance_km("Oslo", "Bergen", unit="miles")  # wrong: no such parameter
    text: str = distance_km("Oslo", "Bergen")  # wrong: it returns an int
    await forecast(town="Oslo")  # wrong: no such parameter
    (await forecast("Oslo")).uper()  # wrong: no such method of str
    await distance_km("Oslo", "Bergen")  # wrong: it is not async
    tool(timeout=5)  # wrong: no such option
    tool(isolation="fork")  # wrong: no such isolation
    tool(retries="3")  # wrong: not a number
    tool("calculator")  # wrong: not a function
    lend("Emma")  # wrong: the context is missing
    lend("Emma", CallContext(dependencies="one"))  # wrong: not an int
    print(text)
