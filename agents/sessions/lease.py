"""The lease of a program with a store on PostgreSQL: a lock whose database session ends without beats.

The lock is free as soon as the program's OS process ends, on any host. A process that is stopped, or a host that is cut
off, sends no beat, and PostgreSQL ends its session after the lease time. No two clocks are compared.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import Final, TypeAlias

from sqlalchemy import Connection, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from actors.log import get_logger
from agents.sessions.connection import Deadline, connect, give_back
from agents.sessions.errors import Fenced

LEASE_S: Final = 6.0
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 1.0
CLASS: Final = 731086515  # the class of our advisory locks: a number that no other program uses
IDLE_LIMIT_SINCE: Final = (14,)  # PostgreSQL has idle_session_timeout since this version

Beat: TypeAlias = Callable[[AsyncConnection], Awaitable[object]]

log = get_logger("understudy.sessions")


def has_lease(connection: Connection, key: str) -> bool:
    """Return True if a lease with this key is held. The connection must be in a transaction."""
    free = select(func.pg_try_advisory_xact_lock(CLASS, func.hashtext(key)))
    return not connection.execute(free).scalar_one()


async def only_life(connection: AsyncConnection) -> None:
    """Send a beat that has no other effect."""
    await connection.execute(text("SELECT 1"))


class StoreLease:
    """A lease, held from `take` to `give_back`. If its connection is lost, it is taken again.

    key: the lock's. on_fenced: called if a beat raises Fenced.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        deadline_s: float,
        key: str,
        lease_s: float,
        beat: Beat = only_life,
        on_fenced: Callable[[], object] | None = None,
    ) -> None:
        self._engine, self._deadline_s = engine, deadline_s
        self._key, self._lease_s, self._beat, self._on_fenced = key, lease_s, beat, on_fenced
        self._held: tuple[AsyncConnection, Deadline] | None = None
        self._beating: asyncio.Task[None] | None = None
        self._next_beat = asyncio.Event()
        self._last_beat_s = monotonic()

    async def take(self) -> None:
        """Take the lease. Raises what the database raises."""
        self._held = await self._connected()
        self._last_beat_s = monotonic()

    def begin(self) -> None:
        """Begin to send beats."""
        if self._beating is None:
            self._beating = asyncio.get_running_loop().create_task(self._send_beats())

    async def give_back(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait((self._beating,))
            self._beating = None
        await self._drop()

    def beats(self, within_s: float) -> bool:
        """Return True if the last beat that was answered was sent within this time."""
        return monotonic() - self._last_beat_s <= within_s

    async def sure(self, within_s: float) -> None:
        """Wait until the last beat that was answered was sent within this time."""
        while not self.beats(within_s):
            self._next_beat.clear()
            await self._next_beat.wait()

    async def _connected(self) -> tuple[AsyncConnection, Deadline]:
        connection, deadline = await connect(self._engine, self._deadline_s)
        try:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            async with deadline.kept():
                await connection.execute(select(func.pg_advisory_lock_shared(CLASS, func.hashtext(self._key))))
                await connection.execute(text("SET synchronous_commit = off"))  # a lost beat harms nobody
                if (self._engine.dialect.server_version_info or ()) >= IDLE_LIMIT_SINCE:
                    await connection.execute(text(f"SET idle_session_timeout = {round(self._lease_s * 1000)}"))
        except BaseException:
            await give_back(connection, deadline)
            raise
        return connection, deadline

    async def _send_beats(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                if self._held is None:
                    self._held = await self._connected()
                    log.info("lease_taken_again")
                connection, deadline = self._held
                began_s = monotonic()
                async with deadline.kept():
                    await self._beat(connection)
                self._last_beat_s, pause_s = began_s, FIRST_PAUSE_S
                self._next_beat.set()
                await asyncio.sleep(self._lease_s / 6)
            except Fenced:
                if self._on_fenced is not None:
                    self._on_fenced()
                return
            except Exception as error:  # noqa: BLE001 (drivers raise anything when a connection dies)
                if self._held is not None:
                    log.warning("lease_lost", reason=type(error).__name__)
                await self._drop()
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _drop(self) -> None:
        """End the connection without a message to the server, which may not answer."""
        held, self._held = self._held, None
        if held is not None:
            held[1].end()
            with suppress(Exception):
                await give_back(*held)
