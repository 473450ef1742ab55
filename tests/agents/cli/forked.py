"""`understudy` as an OS process of its own that is cheap to start: a fork of a process that has imported the commands.

Commands may run side by side. Descriptors 0 to 2 of a command are real. Each is a file, a device, or closed. The
interpreter opens the standard streams once, so a fork opens them again: with the given encoding, or as None if the
descriptor is closed.
"""

import asyncio
import atexit
import importlib
import io
import json
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import traceback
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

from tests.agents.cli.terminal import Ended, environment

CLOSED = ""


async def understudy(*arguments: str, env: Mapping[str, str] | None = None, stdin: str = "") -> Ended:
    """Run a command to its end. env: all its variables."""
    return await asyncio.to_thread(_run, arguments, environment() if env is None else env, stdin, {})


class Forks:
    """Commands with further variables in common."""

    env: Mapping[str, str] = {}

    async def understudy(
        self, *arguments: str, env: Mapping[str, str] | None = None, stdin: str = "", **request: Any
    ) -> Ended:
        """Run a command to its end. env: its own variables. request: encoding, paths of stdin_file, stdout, stderr."""
        given = environment(**self.env) | dict(env or {})
        return await asyncio.to_thread(_run, arguments, given, stdin, request)

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


def _run(arguments: tuple[str, ...], env: Mapping[str, str], stdin: str, request: dict[str, Any]) -> Ended:
    with TemporaryDirectory() as folder:
        given, out, err, code = (Path(folder, name) for name in ("in", "out", "err", "code"))
        given.write_text(stdin)
        for file in (out, err):
            file.write_bytes(b"")
        os.mkfifo(code)
        encoding = request.get("encoding", "utf-8")
        asked = {
            "arguments": arguments,
            "files": [
                request.get("stdin_file", str(given)),
                request.get("stdout", str(out)),
                request.get("stderr", str(err)),
            ],
            "encoding": encoding,
            "env": dict(env),
            "directory": str(Path.cwd()),
            "code": str(code),
        }
        with _one_at_a_time:
            requests = _forking()
            requests.write(json.dumps(asked) + "\n")
            requests.flush()
        ended = int(code.read_text())
        return Ended(ended, *(file.read_text(encoding, errors="replace") for file in (out, err)))


_one_at_a_time: Final = threading.Lock()


@cache
def _forking() -> IO[str]:
    """Start the process that forks, and return its input: requests as lines of JSON. It ends with this process.

    Its parent is init: some tests count the children of this process.
    """
    env = environment(PYTHONPATH=os.pathsep.join([str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "tests.agents.cli.forked"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, env=env)
    assert process.stdin is not None
    atexit.register(process.stdin.close)
    process.wait()
    return process.stdin


def _serve() -> None:
    if os.fork():
        os._exit(0)
    from agents.cli import COMMANDS

    for module, _ in [*COMMANDS.values(), ("agents.cli.sessions.stored_sessions", "")]:
        importlib.import_module(module.partition(":")[0])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the watchers
    for line in iter(sys.stdin.readline, ""):
        if not os.fork():
            _watch(json.loads(line))


def _watch(request: dict[str, Any]) -> None:
    """Run a command, tell its exit code, and never return."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if not (pid := os.fork()):
        _command(request)
    _, status = os.waitpid(pid, 0)
    Path(request["code"]).write_text(str(os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _command(request: dict[str, Any]) -> None:
    """Become the command, and never return."""
    from agents.cli import main

    code = 1
    try:
        os.environ.clear()
        os.environ.update(request["env"])
        os.chdir(request["directory"])
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
