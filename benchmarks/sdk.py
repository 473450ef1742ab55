"""The openai client as its README shows it, `async for chunk in stream`, and a handwritten agent loop around it."""

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI

from benchmarks.answers import Asked
from benchmarks.toolbox import CHORES
from benchmarks.workload import QUESTION, Listener, NewReader, Read


@asynccontextmanager
async def iterated(base_url: str) -> AsyncIterator[NewReader]:
    async with AsyncOpenAI(api_key="none", base_url=base_url) as client:

        async def new_reader(model: str) -> Read:
            turn = _turn if Asked.of(model).calls else _read
            return lambda listener: turn(client, model, listener)

        yield new_reader


async def _read(client: AsyncOpenAI, model: str, listener: Listener) -> None:
    stream = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": QUESTION}], stream=True
    )
    async for chunk in stream:
        if chunk.choices and (text := chunk.choices[0].delta.content):
            listener.token(text)


async def _turn(client: AsyncOpenAI, model: str, listener: Listener) -> None:
    """Ask, run all calls at once, and ask again with their results, until the model calls nothing."""
    messages: list[Any] = [{"role": "user", "content": QUESTION}]
    tools: Any = [
        {"type": "function", "function": {"name": chore.name, "parameters": chore.parameters}} for chore in CHORES
    ]
    while True:
        calls: dict[int, dict[str, Any]] = {}
        stream: Any = await client.chat.completions.create(model=model, messages=messages, tools=tools, stream=True)
        async for chunk in stream:
            if not chunk.choices:
                continue
            delta = chunk.choices[0].delta
            if delta.content:
                listener.token(delta.content)
            for piece in delta.tool_calls or ():
                _add(calls, piece)
        if not calls:
            return
        results = await asyncio.gather(*map(_run, calls.values()))
        messages.append({"role": "assistant", "content": None, "tool_calls": list(calls.values())})
        messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": result}
            for call, result in zip(calls.values(), results, strict=True)
        ]


def _add(calls: dict[int, dict[str, Any]], piece: Any) -> None:
    empty = {"id": piece.id, "type": "function", "function": {"name": piece.function.name, "arguments": ""}}
    calls.setdefault(piece.index, empty)["function"]["arguments"] += piece.function.arguments


async def _run(call: dict[str, Any]) -> str:
    """Run a coroutine on the loop and a plain function in a thread, as such a loop can."""
    function: Callable[..., Any] = next(chore.function for chore in CHORES if chore.name == call["function"]["name"])
    arguments = json.loads(call["function"]["arguments"])
    if inspect.iscoroutinefunction(function):
        return str(await function(**arguments))
    return str(await asyncio.to_thread(function, **arguments))
