"""Callbacks and requests with a mistake."""

from dataclasses import dataclass

from actors import Caller, GenServer, NoReply, Outcome, Reply, Request, call


@dataclass(frozen=True)
class Add(Request[int]):
    n: int


class Counter(GenServer[int]):
    def init(self, first: str) -> str:  # wrong: the state is an int
        return first

    def handle_call(self, request: Add, caller: Caller, count: int) -> int:  # wrong: not an outcome
        return count

    def handle_cast(self, message: object, count: int) -> Reply[int]:  # wrong: a cast has no reply
        return Reply(count, count)

    def handle_info(self, message: object) -> NoReply[int]:  # wrong: the state is missing
        return NoReply(0)


class Other(GenServer[int]):
    def handle_call(self, request: Add, caller: Caller, count: str) -> Outcome[int]:  # wrong: the state is an int
        return Reply(count, len(count))


async def main() -> None:
    total = await call("counter", Add(2))
    total.upper()  # wrong: the reply is an int
    await call("counter", Add("2"))  # wrong: not an int
    await call(Add(2), "counter")  # wrong: the server comes first
