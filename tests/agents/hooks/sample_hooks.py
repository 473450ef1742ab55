"""Hooks of the tests, in a module that worker processes import."""

import asyncio
import os
import time
from pathlib import Path
from typing import Any

from agents.hooks import AfterModel, AfterTool, Ask, BeforeModel, BeforeTool, Deny, Rewrite, Run, hook
from agents.tools.tool import tool


@tool
async def spend(cents: int, to: str = "ada") -> str:
    """Spend an amount."""
    return f"spent {cents} on {to}"


def at_most_100(call: BeforeTool) -> Run | Rewrite:
    cents = call.arguments.get("cents", 0)
    return Rewrite({**call.arguments, "cents": 100}) if cents > 100 else Run()


async def under_1000(call: BeforeTool) -> Run | Deny:
    return Deny("too much") if call.arguments["cents"] >= 1000 else Run()


async def ask_above_50(call: BeforeTool) -> Run | Ask:
    return Ask(f"Spend {call.arguments['cents']}?") if call.arguments["cents"] > 50 else Run()


async def unfit_arguments(call: BeforeTool) -> Rewrite:
    return Rewrite({"euros": 1})


async def one_more(call: BeforeTool) -> Rewrite:
    return Rewrite({**call.arguments, "cents": call.arguments["cents"] + 1})


async def fails(call: BeforeTool) -> Run:
    raise RuntimeError("the secret is 42")


async def hangs(call: BeforeTool) -> Run:
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:  # a hook that does not want to end
            continue


def hangs_in_a_worker(call: BeforeTool) -> Run:
    while True:
        time.sleep(1)


def dies(call: BeforeTool) -> Run:
    os._exit(3)


def answers_nonsense(call: BeforeTool) -> Any:
    return "yes"


@hook(on_failure="run")
async def fails_open(call: BeforeTool) -> Run:
    raise RuntimeError


def mask_result(call: AfterTool) -> Rewrite:
    return Rewrite(str(call.result).replace("ada", "[name]"))


async def deny_result(call: AfterTool) -> Deny:
    return Deny(f"{call.tool} is secret")


async def mask_messages(request: BeforeModel) -> Rewrite:
    messages = [{**each, "content": each["content"].replace("ada", "[name]")} for each in request.messages]
    return Rewrite(messages)


async def deny_ada(request: BeforeModel) -> Run | Deny:
    return Deny("no names") if any("ada" in str(each["content"]) for each in request.messages) else Run()


async def shout(answer: AfterModel) -> Rewrite:
    return Rewrite(answer.content.upper())


async def deny_answer(answer: AfterModel) -> Deny:
    return Deny(f"{len(answer.content)} characters are too many")


async def counts(call: BeforeTool) -> Rewrite:
    """Give a call another argument each time that this hook is asked, and write that down."""
    asked = Path(call.arguments["to"])
    lines = asked.read_text().splitlines() if asked.exists() else []
    asked.write_text("\n".join([*lines, "asked"]))
    return Rewrite({**call.arguments, "cents": len(lines) + 7})


@tool(idempotent=True, isolation="thread")
def spend_again(cents: int, to: str) -> str:
    """Spend an amount, and wait until a file appears. It may run twice."""
    with open(f"{to}.spent", "a") as file:
        file.write(f"{cents}\n")
    while not Path(f"{to}.go").exists():
        time.sleep(0.02)
    return f"spent {cents}"


before_model, after_model, before_tool, after_tool = mask_messages, shout, at_most_100, mask_result
"""The hooks of the example in config/sys.config, by the names that it has for them."""
