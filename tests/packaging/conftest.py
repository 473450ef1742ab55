"""Python without the libraries of the extras, as after `pip install understudy`."""

import json
import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple, TypeAlias

import pytest

from tests.packaging.declared import OWN, ROOT, closure, declared, modules_of, normal

BLOCKER = """
import json, sys

HIDDEN = frozenset(json.loads({hidden!r}))


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in HIDDEN:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Blocker())
"""
"""A sitecustomize, so that the OS processes that a program starts lack the libraries too."""


class Ended(NamedTuple):
    code: int | None
    out: str
    err: str


Core: TypeAlias = Callable[..., Awaitable[Ended]]


@pytest.fixture
def core(tmp_path: Path) -> Core:
    """Run Python with the arguments, in an environment that can import only the core's distributions."""
    installed = {normal(each.metadata["Name"]) for each in metadata.distributions()}
    hidden = modules_of(installed - closure(declared())) - set(OWN)
    (tmp_path / "sitecustomize.py").write_text(BLOCKER.format(hidden=json.dumps(sorted(hidden))))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    environment["PYTHONPATH"] = os.pathsep.join((str(tmp_path), str(ROOT)))

    async def run(*arguments: str) -> Ended:
        process = await create_subprocess_exec(
            sys.executable, *arguments, stdout=PIPE, stderr=PIPE, env=environment, cwd=tmp_path
        )
        out, err = await process.communicate()
        return Ended(process.returncode, out.decode(), err.decode())

    return run
