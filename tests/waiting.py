"""Waits for what sends this program no message: another OS process, its files and answers, the kernel, a store.

A process of this program is not looked at again and again. Await its message, reply or end instead.
"""

import asyncio
import subprocess
import time
import urllib.request
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import Any, Final, TypeVar, overload

WITHIN_S: Final = 60.0
PAUSE_S: Final = 0.01
SHOWN: Final = 500
"""The characters of the last sight that a failure shows."""

T = TypeVar("T")


@overload
async def eventually(
    look: Callable[[], Awaitable[T]],
    fits: Callable[[T], object] = ...,
    *,
    what: str,
    within_s: float = ...,
    pause_s: float = ...,
) -> T: ...
@overload
async def eventually(
    look: Callable[[], T], fits: Callable[[T], object] = ..., *, what: str, within_s: float = ..., pause_s: float = ...
) -> T: ...
async def eventually(
    look: Callable[[], Any],
    fits: Callable[[Any], object] = bool,
    *,
    what: str,
    within_s: float = WITHIN_S,
    pause_s: float = PAUSE_S,
) -> Any:
    """Look again and again until what is seen fits, and return it. By default, a true value fits.

    what: a noun phrase for the failure "expected ... within 60 s, last saw ...".
    """
    seen: Any = "nothing"
    try:
        async with asyncio.timeout(within_s) as limit:
            while True:
                found = look()
                seen = await found if isawaitable(found) else found
                if fits(seen):
                    return seen
                await asyncio.sleep(pause_s)
    except TimeoutError:
        if not limit.expired():
            raise
    raise AssertionError(f"expected {what} within {within_s:g} s, last saw {repr(seen)[:SHOWN]}")


async def listening(port: int) -> bool:
    """Return whether a program accepts connections at this port of loopback."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def wait_for_answer(url: str, process: "subprocess.Popen[bytes]", log: Path, within_s: float) -> None:
    """Wait until a program answers at this URL, for a fixture without a loop. log: the file of its output."""
    until_s = time.monotonic() + within_s
    while time.monotonic() < until_s and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"expected an answer of {url} within {within_s:g} s, got none:\n{log.read_text()[-4000:]}")
