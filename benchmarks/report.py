"""The figures of a run as a table, for the terminal and for RESULTS.md: the same lines."""

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from os import cpu_count
from platform import machine, python_version, system
from typing import Final

from benchmarks.figures import SUITES, TARGET, Figure, Suite

LIBRARIES: Final = ("openai", "aiohttp", "httpx2", "msgspec", "thespian", "uvloop")

PREFACE: Final = """\
# Figures of the last `make bench`

{date}, {rounds} rounds; {machine}; Python {python}; {libraries}.

Each measurement is an OS process of its own, all in turn in every round, on the same loop (uvloop) against the same
provider (an OS process, too, whose CPU time is not counted). Figures are medians over the rounds, with the lowest and
the highest. CPU time is the reader's own, of all threads, kernel included. Reference: what a spike of this design took
on one core of another run; a figure is to be within {target:g} times of it.

What else the machine did meanwhile shows in the range. The last two columns say how often the floor goes into a figure,
and the figure into AsyncOpenAI's. The first two suites are written as fast as they are read, so a read brings many
tokens; a provider's tokens come one by one, as in the third, where each costs a turn of the loop and a system call.
"""

HEADER: Final = """\
| {unit} | median | lowest to highest | reference | of it | of the floor | AsyncOpenAI is |
|---|--:|--:|--:|--:|--:|--:|"""


def table(suite: Suite, figures: Mapping[str, Figure]) -> str:
    """A suite's figures, a line each; after it what follows from them."""
    floor, sdk = figures.get("floor"), figures.get("sdk")
    lines = [f"## {suite.title}", "", HEADER.format(unit=suite.unit)]
    lines += [_line(figure, floor, sdk) for figure in figures.values()]
    return "\n".join([*lines, *_remarks(figures)])


def results(tables: list[str], rounds: int, date: str) -> str:
    """The whole page."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    host = f"{system()} {machine()}, {cpu_count()} cores"
    preface = PREFACE.format(
        date=date, rounds=rounds, machine=host, python=python_version(), libraries=libraries, target=TARGET
    )
    return "\n\n".join([preface.rstrip(), *tables]) + "\n"


def suites_named(only: str | None) -> list[Suite]:
    return [suite for suite in SUITES if only in (None, suite.name)]


def _line(figure: Figure, floor: Figure | None, sdk: Figure | None) -> str:
    cells = (
        figure.title,
        _number(figure.median),
        f"{_number(figure.low)} to {_number(figure.high)}",
        _number(figure.reference),
        _times(figure.of_reference),
        _times(figure.median / floor.median if floor else None),
        _times(sdk.median / figure.median if sdk else None),
    )
    return "| " + " | ".join(cells) + " |"


def _remarks(figures: Mapping[str, Figure]) -> Iterator[str]:
    floor = figures.get("floor")
    if floor is not None and floor.unit == "ms":
        over = [f"{each.title} {each.median - floor.median:+.2f} ms" for each in figures.values() if each is not floor]
        yield f"\nOver the floor: {'; '.join(over)}."
    if "ping_pong" in figures:
        hops, messages = 1e6 / figures["ping_pong"].median, 1e6 / figures["one_way"].median
        yield f"\nA core's second holds {hops:,.0f} hops to and fro, {messages:,.0f} messages one way."


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 20 else f"{value:.0f}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"
