"""A script that starts its application at every import."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

SCRIPT = """
import asyncio, os
from agents.tools.pool import WorkerPool
from agents.tools.tool import tool

@tool
def double(n: int) -> int:
    '''Run double.'''
    return 2 * n

async def main():
    with open("starts", "a") as starts:
        starts.write(f"{os.getpid()} ")
    async with WorkerPool(size=1) as pool:
        print(await pool.run(double, '{"n": 1}'))

asyncio.run(main())
"""


async def test_a_worker_starts_no_pool_and_names_the_missing_guard(tmp_path: Path) -> None:
    (tmp_path / "unguarded.py").write_text(SCRIPT)
    environment = {**os.environ, "PWD": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "unguarded.py", cwd=tmp_path, env=environment, stdout=PIPE, stderr=PIPE
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    assert 'start the application under if __name__ == "__main__":' in err.decode()
    assert len((tmp_path / "starts").read_text().split()) == 2  # of the script, and of the worker
