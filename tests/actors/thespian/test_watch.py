"""ThespianWatch: an actor waits for files as well as for messages."""

import os
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest
from thespian.actors import Actor, ActorExitRequest, PoisonMessage, ThespianWatch, WatchMessage

from actors import AsyncioSystemBase, Mailbox, Pid, monitor, send


class Reader(Actor):
    """Watches the files in its messages, and sends `to` their contents."""

    def __init__(self) -> None:
        self.watched: list[int] = []
        self.to: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> ThespianWatch | None:
        match message:
            case list():
                self.to, self.watched = sender, message
                self.send(sender, "watching")
            case WatchMessage():
                self.send(self.to, [os.read(fileno, 100) for fileno in message.ready])
            case "stop":
                self.send(sender, "stopped")
                return None
        return ThespianWatch(self.watched)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


async def watching(system: AsyncioSystemBase, box: Mailbox, *filenos: int) -> Pid:
    reader = system.create_actor(system.root, Reader)
    send(reader, list(filenos))
    assert await box.receive() == "watching"
    return reader


async def test_an_actor_gets_a_watch_message_for_each_readable_file(system: AsyncioSystemBase, pipe: Any) -> None:
    async with Mailbox() as box:
        await watching(system, box, pipe[0])
        for word in (b"one", b"two"):
            os.write(pipe[1], word)
            assert await box.receive() == [word]


async def test_an_actor_that_returns_no_watch_gets_no_watch_message(system: AsyncioSystemBase, pipe: Any) -> None:
    async with Mailbox() as box:
        reader = await watching(system, box, pipe[0])
        send(reader, "stop")
        assert await box.receive() == "stopped"
        os.write(pipe[1], b"unread")
        assert not system.loop.remove_reader(pipe[0])
        send(reader, "again")
        assert await box.receive() == [b"unread"]


async def test_the_watch_ends_with_its_actor(system: AsyncioSystemBase, pipe: Any) -> None:
    async with Mailbox() as box:
        reader = await watching(system, box, pipe[0])
        monitor(reader)
        send(reader, ActorExitRequest())
        await box.receive()
        assert not system.loop.remove_reader(pipe[0])


async def test_a_file_that_cannot_be_watched_fails_the_message(system: AsyncioSystemBase, pipe: Any) -> None:
    with tempfile.TemporaryFile() as plain:
        async with Mailbox() as box:
            reader = system.create_actor(system.root, Reader)
            send(reader, [pipe[0], plain.fileno()])
            while not isinstance(answer := await box.receive(), PoisonMessage):
                assert answer == "watching"
            assert "PermissionError" in str(answer.details)
            assert not system.loop.remove_reader(pipe[0])
