"""A PgBouncer in transaction mode, on a free port of loopback."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import mkdtemp

import pytest

from tests.agents.sessions.cluster import OWNER
from tests.cluster.engine import Engine, free_port
from tests.waiting import eventually, listening

CONFIG = """
[databases]
* = host={socket} port={engine_port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = {ignored}
"""
ALL = (
    "extra_float_digits,statement_timeout,lock_timeout,idle_in_transaction_session_timeout,tcp_user_timeout,jit,"
    "application_name,search_path"
)


@asynccontextmanager
async def pooler(engine: Engine, *, ignores: bool) -> AsyncIterator[int]:
    """Yield its port. ignores: accept the settings that a connection asks for, without applying them.

    Without a PgBouncer the test is skipped, but in CI it fails.
    """
    if (program := shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")) is None:
        assert "CI" not in os.environ, "expected a pgbouncer: CI must not skip this test"
        pytest.skip("no pgbouncer: apt-get install pgbouncer")
    folder, port = Path(mkdtemp(prefix="understudy-pooler-")), free_port()
    config = folder / "pgbouncer.ini"
    ignored = ALL if ignores else "extra_float_digits"
    config.write_text(
        CONFIG.format(socket=engine.folder, user=OWNER, engine_port=engine.port, port=port, ignored=ignored)
    )
    command = [program, "--quiet", str(config)]
    if os.getuid() == 0:  # which it refuses
        shutil.chown(folder, "nobody")
        command = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command]
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    try:
        await eventually(lambda: listening(port), what="a pooler that listens")
        yield port
    finally:
        process.kill()
        await process.wait()
        shutil.rmtree(folder)
