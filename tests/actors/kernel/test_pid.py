"""Pids: they are never used again, stay equal after pickling, and name only processes of their OS process."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from actors import NORMAL, Mailbox, Pid, Ref, alive, exit, monitor, send, spawn  # noqa: A004 (OTP's word)
from actors.task import Task

pytestmark = pytest.mark.usefixtures("system")

ROOT = Path(__file__).parents[2]


async def nothing() -> None:
    pass


class Waits(Task):
    async def run(self) -> None:
        await self.receive()


def travelled(pid: Pid) -> Pid:
    result: Pid = pickle.loads(pickle.dumps(pid))
    return result


async def test_pids_are_never_used_again() -> None:
    async with Mailbox() as box:
        seen: set[Pid] = set()
        for _ in range(500):
            pid = spawn(nothing)
            assert pid not in seen
            seen.add(pid)
            monitor(pid)
            assert (await box.receive()).reason is NORMAL


async def test_a_living_pid_comes_back_from_pickle_as_itself() -> None:
    async with Mailbox() as box:
        assert travelled(box.pid) is box.pid
        send(travelled(box.pid), "hello")
        assert await box.receive() == "hello"


@pytest.mark.parametrize("through", [travelled, copy.copy, copy.deepcopy])
async def test_a_dead_pid_comes_back_dead_and_equal(through: Any) -> None:
    async with Mailbox() as box:
        pid = spawn(nothing)
        monitor(pid)
        await box.receive()
        back = through(pid)
        assert back == pid
        assert hash(back) == hash(pid)
        assert not alive(back)
        assert str(back) == str(pid)


async def test_a_pid_of_another_os_process_names_no_process_here_and_is_equal_after_its_return() -> None:
    """The other OS process gets our Pid and sends it back, with one of its own that has the same number."""
    code = """
import pickle, sys
from actors import Pid
theirs = pickle.load(sys.stdin.buffer)
assert not theirs.alive
own = Pid(None, theirs.number % 2**64)
assert own != theirs
pickle.dump((theirs, own), sys.stdout.buffer)
"""
    async with Mailbox() as box:
        done = subprocess.run(  # noqa: ASYNC221 (nothing else runs here)
            [sys.executable, "-c", code], input=pickle.dumps(box.pid), capture_output=True, cwd=ROOT, check=True
        )
        ours, foreign = pickle.loads(done.stdout)
        assert ours is box.pid
        assert not alive(foreign)
        assert foreign != box.pid
        assert travelled(foreign) == foreign


async def test_a_forked_os_process_is_another_node() -> None:
    async with Mailbox() as box:
        before = pickle.dumps(box.pid)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write, b"alive" if pickle.loads(before).alive else b"nobody")
            os._exit(0)
        assert os.read(read, 10) == b"nobody"
        os.waitpid(child, 0)  # noqa: ASYNC222 (it has written its last)
        os.close(read)
        os.close(write)


async def test_a_pid_is_its_own_key_and_no_others() -> None:
    pid, other = Waits.start(), Waits.start()
    assert {pid: 1, other: 2}[pid] == 1
    assert pid != other
    assert pid != "something else"
    exit(pid, "x")
    exit(other, "x")


def test_refs_are_unique() -> None:
    assert len({Ref() for _ in range(100)}) == 100
