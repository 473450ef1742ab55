"""The figures of a run as a table, for the terminal and for RESULTS.md: the same lines."""

import re
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from os import cpu_count
from platform import machine, python_version, system
from typing import Final

from benchmarks.figures import SUITES, TARGET, Figure, Suite, Target

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

BESIDE_OTP: Final = """\
| {unit} | median | lowest to highest | OTP | OTP, one core | of OTP's | of one core's | at most |
|---|--:|--:|--:|--:|--:|--:|--:|"""

_SECTION: Final = re.compile(r"\n\n(?=## )")

OF_OTHER: Final = {"spawn_server": "a bare spawn of OTP's"}
"""Where a target is not a multiple of the figure in its own line, what it is of."""


def table(suite: Suite, figures: Mapping[str, Figure], when: str = "") -> str:
    """A suite's figures, a line each; after it what follows from them. when: if it is not of the page's own run."""
    lines = [f"## {suite.title}", "", *([when, ""] if when else [])]
    if suite.targets:
        lines.append(BESIDE_OTP.format(unit=suite.unit))
        lines += [_beside_otp(name, figures, suite.targets.get(name)) for name in suite.titles]
        return "\n".join([*lines, "", suite.remark])
    floor, sdk = figures.get("floor"), figures.get("sdk")
    lines.append(HEADER.format(unit=suite.unit))
    lines += [_line(figure, floor, sdk) for figure in figures.values()]
    return "\n".join([*lines, *_remarks(figures)])


def merged(page: str, tables: list[str], preface: str | None = None) -> str:
    """The page with these tables in the place of those of the same titles, or behind all."""
    head, *sections = _SECTION.split(page.rstrip())
    by_title = {section.partition("\n")[0]: section for section in [*sections, *tables]}
    return "\n\n".join([preface or head, *by_title.values()]) + "\n"


def preface(rounds: int, date: str) -> str:
    """What stands above the tables."""
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    host = f"{system()} {machine()}, {cpu_count()} cores"
    return PREFACE.format(
        date=date, rounds=rounds, machine=host, python=python_version(), libraries=libraries, target=TARGET
    ).rstrip()


def suites_named(only: str | None) -> list[Suite]:
    return [suite for suite in SUITES if (not suite.long if only is None else suite.name == only)]


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


def _beside_otp(name: str, figures: Mapping[str, Figure], target: Target | None) -> str:
    ours, otp, core = figures[name], figures.get(f"otp_{name}"), figures.get(f"core_{name}")
    cells = (
        ours.title,
        _number(ours.median),
        f"{_number(ours.low)} to {_number(ours.high)}",
        _number(otp.median if otp else None),
        _number(core.median if core else None),
        _times(ours.median / otp.median if otp else None),
        _times(ours.median / core.median if core else None),
        _most(target, figures) if target else "",
    )
    return "| " + " | ".join(cells) + " |"


def _most(target: Target, figures: Mapping[str, Figure]) -> str:
    """The limit as a number, where what it is a multiple of was measured."""
    if target.of is None:
        return _number(target.most)
    multiple = f"{target.most:.3g}x {OF_OTHER.get(target.of, '')}".rstrip()
    otp = figures.get(f"otp_{target.of}")
    return f"{_number(target.most * otp.median)} ({multiple})" if otp else multiple


def _remarks(figures: Mapping[str, Figure]) -> Iterator[str]:
    floor = figures.get("floor")
    if floor is not None and floor.unit == "ms":
        over = [f"{each.title} {each.median - floor.median:+.2f} ms" for each in figures.values() if each is not floor]
        yield f"\nOver the floor: {'; '.join(over)}."


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 20 else f"{value:.0f}"


def _times(ratio: float | None) -> str:
    return "" if ratio is None else f"{ratio:.2f}x"
