"""API keys that change: a source is read before each request, and again after the provider has refused its key."""

import asyncio
import inspect
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from contextvars import copy_context
from typing import Any, Final, TypeAlias

from actors.log import get_logger

KeyFunction: TypeAlias = Callable[[], str | Awaitable[str]]

READ_KEYS: Final[deque[str]] = deque(maxlen=64)
"""The last keys that sources gave, for the masks of the log."""

log = get_logger("understudy.agents")


class NoKey(Exception):
    """A source has no usable key. The text has no secret."""


class KeySource(ABC):
    """A source of API keys. Sources are equal if they read the same thing."""

    is_token = False
    """Whether a key is a token of a directory service, such as Entra. Azure expects such a token in another header."""

    @abstractmethod
    async def read(self, *, again: bool) -> str:
        """Return the present key. again: the provider has refused the last one. Raises NoKey."""

    def secrets(self, key: str) -> Iterable[str]:
        """Return the parts of a key that no log may show."""
        return (key,)


class CallableKey(KeySource):
    """A function that returns a key, or an awaitable of one. A function without `async` runs in a thread."""

    is_token = True

    def __init__(self, function: KeyFunction) -> None:
        self._function = function
        call = getattr(function, "__call__", None)  # noqa: B004 (of an object with an async __call__)
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CallableKey) and self._function == other._function

    def __hash__(self) -> int:
        try:
            return hash(self._function)
        except TypeError:  # an object that is equal to others
            return id(self._function)

    async def read(self, *, again: bool) -> str:
        try:
            given: Any = self._function() if self._is_async else await in_thread(self._function)
            return usable(await given if inspect.isawaitable(given) else given)
        except NoKey:
            raise
        except Exception as error:
            raise NoKey(f"expected an API key from its function, got {type(error).__name__}") from error


class PresentKey:
    """The key of a client. Requests that need it at the same time share one read of the source."""

    def __init__(self, source: KeySource) -> None:
        self._source = source
        self._key: str | None = None
        self._reading: asyncio.Task[str] | None = None

    async def read(self, refused: str | None = None) -> str:
        """Return the present key. refused: the key that the provider has just refused. Raises NoKey."""
        if refused is not None and self._key is not None and self._key != refused:
            return self._key  # another request has renewed the key
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(again=refused is not None))
        return await asyncio.shield(self._reading)

    def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()

    async def _read(self, *, again: bool) -> str:
        try:
            key = await self._source.read(again=again)
        except NoKey as missing:
            if self._key is None or again:
                raise
            log.warning("api_key_not_renewed", reason=str(missing))
            return self._key
        if key != self._key:
            self._key = key
            READ_KEYS.extend(self._source.secrets(key))
        return key


def usable(key: Any) -> str:
    """Return the key if a header can carry it. Raises NoKey if not."""
    if not isinstance(key, str):
        raise NoKey(f"expected an API key as text, got {type(key).__name__}")
    if not key:
        raise NoKey("expected an API key, got an empty one")
    if not (key.isascii() and key.isprintable()):
        raise NoKey("expected an API key of printable ASCII, got other characters")
    return key


async def in_thread(function: Callable[[], Any]) -> Any:
    """Run the function in a daemon thread, which never keeps the program alive."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()

    def work() -> None:
        settle: Callable[[Any], None]
        try:
            settle, value = done.set_result, function()
        except BaseException as error:  # noqa: BLE001 - raised where the key is awaited
            settle, value = done.set_exception, error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(lambda: None if done.done() else settle(value))

    threading.Thread(target=copy_context().run, args=(work,), name="api key", daemon=True).start()
    return await done
