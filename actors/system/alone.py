"""Thespian's requests about other systems and about code in messages, which this system does not have."""

from typing import Any

from thespian.actors import ActorAddress

from actors.kernel.errors import SourceRefused


class Alone:
    """Thespian's calls on conventions and sources.

    This system is the only one and accepts no code. A call that waits for another system or for code does nothing. A
    call that loads code raises SourceRefused.
    """

    __slots__ = ()

    def preRegisterRemoteSystem(self, address: Any, capabilities: dict[str, Any]) -> None:  # noqa: N802
        """Do nothing: no other system is ever registered."""

    def deRegisterRemoteSystem(self, address: Any) -> None:  # noqa: N802
        """Do nothing: no system was registered."""

    def notifyOnSystemRegistrationChanges(self, address: ActorAddress, enable: bool) -> None:  # noqa: N802
        """Do nothing: registrations never change."""

    def notifyOnSourceAvailability(self, address: ActorAddress, enable: bool) -> None:  # noqa: N802
        """Do nothing: no source is ever loaded."""

    def registerSourceAuthority(self, address: ActorAddress) -> None:  # noqa: N802
        raise SourceRefused("a source authority")

    def loadActorSource(self, source: Any) -> str:  # noqa: N802
        raise SourceRefused(source)

    def unloadActorSource(self, source_hash: str) -> None:  # noqa: N802
        """Do nothing: no source was loaded, and Thespian ignores unknown hashes."""
