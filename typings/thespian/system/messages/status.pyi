# The part of thespian.system.messages.status that actors/ builds on.

from typing import Any

from thespian.actors import ActorAddress, ActorSystemMessage
from thespian.system.timing import ExpirationTimer

class Thespian_StatusReq(ActorSystemMessage): ...

class _Common_StatusResp(ActorSystemMessage):
    pendingMessages: list[tuple[ActorAddress, ActorAddress, str]]
    pendingWakeups: list[tuple[ActorAddress, ExpirationTimer]]
    receivedMessages: list[tuple[ActorAddress, ActorAddress, str]]
    childActors: list[ActorAddress]
    def addChild(self, childAddress: ActorAddress) -> None: ...
    def addReceivedMessage(self, fromActor: ActorAddress | None, toActor: ActorAddress, msgstr: object) -> None: ...
    def addWakeups(self, wakeups_list: list[tuple[ActorAddress, ExpirationTimer]]) -> None: ...

class Thespian_SystemStatus(_Common_StatusResp):
    adminAddress: ActorAddress
    capabilities: dict[str, Any]
    deadLetterHandler: ActorAddress | None
    globalActors: dict[str, ActorAddress]
    def __init__(
        self,
        address: ActorAddress,
        conventionLeader: ActorAddress | None = None,
        capabilities: dict[str, Any] | None = None,
        inShutdown: bool = False,
    ) -> None: ...
    def addGlobalActor(self, name: str, address: ActorAddress) -> None: ...
    def setDeadLetterHandler(self, address: ActorAddress) -> None: ...

class Thespian_ActorStatus(_Common_StatusResp):
    actorAddress: ActorAddress
    actorClass: str
    adminAddress: ActorAddress
    parentAddress: ActorAddress | None
    def __init__(
        self,
        address: ActorAddress,
        actorClass: object,
        adminAddress: ActorAddress,
        parentAddress: ActorAddress | None = None,
        sourceHash: str | None = None,
        exiting: bool | None = None,
    ) -> None: ...

def formatStatus(response: _Common_StatusResp, showAddress: Any = ..., tofd: Any = None) -> None: ...
