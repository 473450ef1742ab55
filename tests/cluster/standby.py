"""An asynchronous standby of a server, which may lack the last commits when it is promoted."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from tests.agents.sessions.cluster import OWNER, run, start, stop
from tests.cluster.engine import Engine, free_port
from tests.cluster.proxy import Proxy


class Standby(Engine):
    """A running standby. link: between it and its primary."""

    link: Proxy

    @classmethod
    @asynccontextmanager
    async def of(cls, primary: Engine) -> AsyncIterator[Self]:
        folder, port = Path(mkdtemp(prefix="understudy-postgres-")), free_port()
        if os.getuid() == 0:
            shutil.chown(folder, "nobody")
        async with Proxy(primary.port) as link:
            standby = cls(folder, port)
            standby.link = link
            try:
                source = f"host=127.0.0.1 port={link.port} user={OWNER}"
                await asyncio.to_thread(
                    run, "pg_basebackup", "-D", str(folder / "data"), "-R", "-X", "stream", "-c", "fast", "-d", source
                )
                with (folder / "data" / "postgresql.conf").open("a") as file:
                    file.write(f"port = '{port}'\nunix_socket_directories = '{folder}'\n")
                await asyncio.to_thread(start, folder)
                try:
                    yield standby
                finally:
                    await asyncio.to_thread(stop, folder)
            finally:
                shutil.rmtree(folder)

    async def promote(self) -> None:
        await asyncio.to_thread(run, "pg_ctl", "promote", "-w", "-D", str(self.folder / "data"))
