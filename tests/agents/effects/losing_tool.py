"""A tool of unknown effect, by its place in code, so that a parked turn can go on with it."""

from pathlib import Path

from agents import CallContext, NotKnown, tool


async def nobody_knows(call: CallContext) -> NotKnown:
    return NotKnown()


@tool(verify=nobody_knows, on_unknown="ask")
def pays(path: str) -> str:
    """Pay, and lose the answer of the first payment."""
    with Path(path).open("a") as file:
        file.write("paid\n")
    if Path(path).read_text() == "paid\n":
        raise OSError("connection lost")
    return "paid twice"
