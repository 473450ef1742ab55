"""Values of every kind, as source text, so that each process can make its own."""

# ruff: noqa: F401 (for the sources)
import array
import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import io
import itertools
import math
import os
import pathlib
import types
import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
from pydantic import BaseModel, field_serializer

from agents.tools.progress import progress
from agents.tools.tool import Tool, tool


@dataclasses.dataclass
class Row:
    held: Any = None


class Record(msgspec.Struct, tag="record"):
    held: Any = None


class Model(BaseModel):
    held: Any = None
    raw: bytes = b"\xff"


class Refusing(BaseModel):
    """A model that can't be serialised."""

    held: int = 1

    @field_serializer("held")
    def _refused(self, _: int) -> int:
        raise LookupError("no such shelf")


class Mute:
    """An object without a text of its own."""


class Broken:
    def __str__(self) -> str:
        raise LookupError("no text")


class Grade(enum.Enum):
    GOOD = 1
    SECRET = object()


class Number(int):
    pass


class Pair(NamedTuple):
    first: Any
    second: Any


def model(held: Any) -> Model:
    return Model(held=held)


async def later() -> int:
    return 1


async def numbers() -> AsyncIterator[int]:
    yield 0
    yield 1


def steps() -> Any:
    yield 1


def nested(depth: int, inside: Any = 1, of: Any = list) -> Any:
    """Return a value that nests to this depth. of: makes a container of one member."""
    for _ in range(depth):
        inside = [inside] if of is list else of(inside)
    return inside


def circular() -> Any:
    held: list[Any] = []
    held.append(held)
    return held


def doubled(times: int) -> Any:
    """Return a value that is small in memory, but has 2**times texts as JSON."""
    held: Any = "x"
    for _ in range(times):
        held = [held, held]
    return held


def made(source: str) -> Any:
    return eval(source)


@tool
def in_process(source: str) -> Any:
    """Return the value."""
    return made(source)


@tool(isolation="thread")
def in_thread(source: str) -> Any:
    """Return the value."""
    return made(source)


@tool
async def in_task(source: str) -> Any:
    """Return the value."""
    return made(source)


@tool
def reports(source: str) -> str:
    """Report the value as progress."""
    progress(made(source))
    return "done"


ISOLATIONS: tuple[Tool, ...] = (in_process, in_thread, in_task)
