"""A part of Thespian's own suite on our base. `make test-thespian` runs all of it."""

import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from tests.thespian_suite.cases import QUICK, SLEEPY

ROOT = Path(__file__).parents[2]


async def test_the_quick_part_of_thespians_suite_comes_out_as_on_its_simple_system_base() -> None:
    others = [module for module in QUICK if [module] not in SLEEPY]
    async with asyncio.timeout(100), asyncio.TaskGroup() as running:
        for modules in (*SLEEPY, others):
            running.create_task(_comes_out_as_expected(modules))


async def _comes_out_as_expected(modules: list[str]) -> None:
    command = [sys.executable, "-m", "tests.thespian_suite", *modules]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=STDOUT)
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
