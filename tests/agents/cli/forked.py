"""`understudy` as an OS process of its own that is cheap to start: a fork of a process that has imported the commands.

Descriptors 0 to 2 of the command are real. Each is a file, a device, or closed. The interpreter opens the standard
streams once, so a fork opens them again: with the given encoding, or as None if the descriptor is closed.
"""

import asyncio
import importlib
import io
import json
import os
import select
import subprocess
import sys
import termios
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.agents.cli.terminal import Ended, environment

CLOSED = ""


class Forks:
    """The process that forks. Its requests and answers are lines of JSON. env: variables of each command."""

    env: Mapping[str, str] = {}

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process, self._folder = process, folder

    async def understudy(self, *arguments: str, stdin: str = "", **request: Any) -> Ended:
        """Run a command to its end. request: env, encoding, and a path in place of stdin_file, stdout, stderr."""
        return await asyncio.to_thread(self._run, arguments, stdin, request)

    async def at_a_terminal(self, columns: int, *arguments: str, keys: str = "", **request: Any) -> Ended:
        """Run a command with stdin and stdout at a terminal of this width, on which these keys are typed."""
        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (24, columns))
        os.write(ours, keys.encode())
        name, seen = os.ttyname(theirs), bytearray()
        loop = asyncio.get_running_loop()
        loop.add_reader(ours, lambda: seen.extend(os.read(ours, 65536)))
        try:
            request["env"] = {"COLUMNS": ""} | request.get("env", {})  # the width is the terminal's
            ended = await self.understudy(*arguments, stdin_file=name, stdout=name, **request)
            while select.select([ours], [], [], 0)[0]:
                seen.extend(os.read(ours, 65536))
        finally:
            loop.remove_reader(ours)
            os.close(ours)
            os.close(theirs)
        return Ended(ended.code, seen.decode().replace("\r\n", "\n"), ended.err)

    def _run(self, arguments: tuple[str, ...], stdin: str, request: dict[str, Any]) -> Ended:
        given, out, err = (self._folder / name for name in ("in", "out", "err"))
        given.write_text(stdin)
        for file in (out, err):
            file.write_bytes(b"")
        files = [
            request.pop("stdin_file", str(given)),
            request.pop("stdout", str(out)),
            request.pop("stderr", str(err)),
        ]
        encoding = request.pop("encoding", "utf-8")
        asked = {
            "arguments": arguments,
            "files": files,
            "encoding": encoding,
            "env": environment(**self.env) | request.pop("env", {}),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        return Ended(code, *(file.read_text(encoding, errors="replace") for file in (out, err)))


@contextmanager
def forks() -> Iterator[Forks]:
    command = [sys.executable, "-m", "tests.agents.cli.forked"]
    root = str(Path(__file__).parents[3])
    env = environment(PYTHONPATH=os.pathsep.join([root, os.environ.get("PYTHONPATH", "")]))
    with (
        TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as process,
    ):
        yield Forks(process, Path(folder))
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    from agents.cli import COMMANDS

    for module, _ in [*COMMANDS.values(), ("agents.cli.sessions.stored_sessions", "")]:
        importlib.import_module(module.partition(":")[0])
    for line in iter(sys.stdin.readline, ""):
        pid = os.fork()
        if not pid:
            _command(json.loads(line))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _command(request: dict[str, Any]) -> None:
    """Become the command, and never return."""
    from agents.cli import main

    code = 1
    try:
        os.environ.clear()
        os.environ.update(request["env"])
        _redirect(request["files"], request["encoding"])
        sys.argv = ["understudy", *request["arguments"]]
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 (the end of this OS process)
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(code)


def _redirect(files: list[str], encoding: str) -> None:
    for descriptor, file in enumerate(files):
        if file == CLOSED:
            os.close(descriptor)
        else:
            opened = os.open(file, os.O_WRONLY if descriptor else os.O_RDONLY)
            os.dup2(opened, descriptor)
            os.close(opened)
    streams = [None if file == CLOSED else _stream(descriptor, encoding) for descriptor, file in enumerate(files)]
    sys.stdin, sys.stdout, sys.stderr = streams


def _stream(descriptor: int, encoding: str) -> io.TextIOWrapper:
    if descriptor:
        return io.TextIOWrapper(io.FileIO(descriptor, "w", closefd=False), encoding=encoding, write_through=True)
    return io.TextIOWrapper(io.BufferedReader(io.FileIO(descriptor, closefd=False)), encoding=encoding)


if __name__ == "__main__":
    _serve()
