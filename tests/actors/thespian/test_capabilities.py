"""Capabilities: the requirements of an actor, at its creation and while it lives."""

from typing import Any

import pytest
from thespian.actors import Actor, ChildActorExited, NoCompatibleSystemForActor, requireCapability

from actors import NORMAL, AsyncioSystemBase, Down, GenServer, Mailbox, NoReply, Pid, alive, monitor, send


class Plain(Actor):
    """An actor that does what its messages say."""

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if callable(message):
            message(self, sender)


@requireCapability("gpu")
class Trainer(Plain):
    pass


class Coloured(Plain):
    """An actor that needs the colour in its requirements."""

    def __init__(self, capabilities: dict[str, Any], requirements: dict[str, Any]) -> None:
        self.given = (capabilities["colour"], requirements)

    @staticmethod
    def actorSystemCapabilityCheck(capabilities: dict[str, Any], requirements: dict[str, Any]) -> bool:
        return bool(capabilities.get("colour") == requirements.get("colour"))


class Parent(Plain):
    """An actor with one Trainer, which reports the Trainer and its end to `to`."""

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, Pid):
            self.to = message
            self.send(self.to, self.createActor(Trainer))
        elif isinstance(message, ChildActorExited):
            self.send(self.to, message.childAddress)
        else:
            super().receiveMessage(message, sender)


@requireCapability("gpu")
class Server(GenServer[None]):
    def init(self) -> None:
        return None

    def handle_info(self, message: Any, state: None) -> NoReply[None]:
        return NoReply(state)


def actor(system: AsyncioSystemBase, kind: type[Actor], requirements: dict[str, Any] | None = None) -> Pid:
    return system.create_actor(system.root, kind, requirements)


@pytest.mark.parametrize("kind", [Trainer, Server])
async def test_a_required_capability_decides_whether_an_actor_runs_here(system: Any, kind: type[Actor]) -> None:
    with pytest.raises(NoCompatibleSystemForActor):
        actor(system, kind)
    system.updateCapability("gpu", True)
    assert alive(actor(system, kind))
    system.updateCapability("gpu")
    with pytest.raises(NoCompatibleSystemForActor):
        actor(system, kind)


async def test_an_actor_sees_the_capabilities_and_what_was_asked_for(system: AsyncioSystemBase) -> None:
    system.updateCapability("colour", "red")
    with pytest.raises(NoCompatibleSystemForActor):
        actor(system, Coloured, {"colour": "blue"})
    async with Mailbox() as box:
        send(actor(system, Coloured, {"colour": "red"}), lambda self, sender: self.send(sender, self.given))
        assert await box.receive() == ("red", {"colour": "red"})


async def test_an_actor_ends_when_the_capability_goes_that_it_was_created_for(system: AsyncioSystemBase) -> None:
    system.updateCapability("colour", "red")
    async with Mailbox() as box:
        red, plain = actor(system, Coloured, {"colour": "red"}), actor(system, Plain)
        ref = monitor(red)
        system.updateCapability("colour", "blue")
        assert await box.receive() == Down(ref, red, NORMAL)
        assert alive(plain)


async def test_an_actor_can_change_a_capability_and_hears_of_the_children_it_cost(system: AsyncioSystemBase) -> None:
    system.updateCapability("gpu", True)
    async with Mailbox() as box:
        parent = actor(system, Parent)
        send(parent, box.pid)
        child = await box.receive()
        send(parent, lambda self, _: self.updateCapability("gpu"))
        assert await box.receive() == child
        send(parent, box.pid)
        assert await box.receive() == await box.receive()  # no other can be created: told of its end at once


def test_a_base_that_is_made_by_hand_is_given_its_capabilities() -> None:
    base = AsyncioSystemBase(capabilities={"gpu": True})
    assert base.capabilities["gpu"] is True
    base.updateCapability("gpu")
    assert "gpu" not in base.capabilities
