"""Thespian_StatusReq: the status of an actor and of its system."""

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from thespian.actors import Actor, ActorExitRequest, ActorSystem
from thespian.system.messages.status import Thespian_ActorStatus, Thespian_StatusReq, formatStatus

from actors import AsyncioSystemBase


class Busy(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:
        match message:
            case "child":
                self.send(sender, self.createActor(Busy))
            case "sleep":
                self.wakeupAfter(timedelta(hours=1))
            case "letters":
                self.handleDeadLetters()
            case "fail":
                raise ValueError(message)
            case "failing mail":
                self.asker = sender
                self.send(self.myAddress, "fail")
                self.send(self.myAddress, Thespian_StatusReq())
            case "mail":
                self.asker = sender
                self.send(self.myAddress, Thespian_StatusReq())
                self.send(self.myAddress, "unread")
            case Thespian_ActorStatus():
                self.send(self.asker, message)
            case "ready?":
                self.send(sender, "ready")


@pytest.fixture
def asys() -> Iterator[ActorSystem]:
    system = ActorSystem(AsyncioSystemBase(capabilities={"gpu": True}), transientUnique=True)
    yield system
    system.shutdown()


def test_an_actor_tells_its_class_its_children_and_its_wakeups(asys: ActorSystem) -> None:
    busy = asys.createActor(Busy)
    child = asys.ask(busy, "child", 60)
    asys.tell(busy, "sleep")
    status = asys.ask(busy, Thespian_StatusReq(), 60)
    assert (status.actorAddress, status.actorClass, status.childActors) == (busy, "Busy", [child])
    [(sleeper, expires)] = status.pendingWakeups
    assert (sleeper, expires.duration) == (busy, timedelta(hours=1))
    assert asys.ask(child, Thespian_StatusReq(), 60).parentAddress == busy


def test_the_status_of_an_actor_has_its_waiting_messages(asys: ActorSystem) -> None:
    busy = asys.createActor(Busy)
    assert asys.ask(busy, "mail", 60).receivedMessages == [(busy, busy, "unread")]


def test_the_status_shows_a_message_waiting_for_a_retry_in_its_first_form(asys: ActorSystem) -> None:
    busy = asys.createActor(Busy)
    assert asys.ask(busy, "failing mail", 60).receivedMessages == [(busy, busy, "fail")]


def test_a_wakeup_that_has_come_is_not_pending(asys: ActorSystem) -> None:
    class Woken(Actor):
        def receiveMessage(self, message: Any, sender: Any) -> None:
            if message == "sleep":
                self.sleeper = sender
                self.wakeupAfter(timedelta(0))
            elif not isinstance(message, ActorExitRequest):
                self.send(self.sleeper, "awake")

    woken = asys.createActor(Woken)
    assert asys.ask(woken, "sleep", 60) == "awake"
    assert asys.ask(woken, Thespian_StatusReq(), 60).pendingWakeups == []


def test_the_system_tells_its_capabilities_its_actors_and_their_names(asys: ActorSystem) -> None:
    busy = asys.createActor(Busy, globalName="busy")
    asys.ask(busy, "child", 60)
    asys.tell(busy, "letters")
    assert asys.ask(busy, "ready?", 60) == "ready"
    status = asys.ask(asys.systemAddress, Thespian_StatusReq(), 60)
    assert status.capabilities["gpu"] is True
    assert status.childActors == [busy]
    assert status.globalActors == {"busy": busy}
    assert status.deadLetterHandler == busy


def test_thespians_own_format_shows_both(asys: ActorSystem) -> None:
    busy = asys.createActor(Busy)
    asys.tell(busy, "sleep")
    shown = io.StringIO()
    for address in (busy, asys.systemAddress):
        formatStatus(asys.ask(address, Thespian_StatusReq(), 60), tofd=shown)
    assert "Pending Wakeups [1]" in shown.getvalue()
    assert "asyncioSystem" in shown.getvalue()
