"""What an actor asks of other systems, and of code that others send: here are neither."""

from typing import Any

from thespian.actors import ActorAddress

from actors.kernel.errors import SourceRefused


class Alone:
    """Thespian's calls on conventions and sources, for a system that has no others and takes no code.

    To wait for what never comes is no error: those calls do nothing. To load code is one.
    """

    __slots__ = ()

    def preRegisterRemoteSystem(self, address: Any, capabilities: dict[str, Any]) -> None:  # noqa: N802
        """No other system is ever registered."""

    def deRegisterRemoteSystem(self, address: Any) -> None:  # noqa: N802
        """None was registered."""

    def notifyOnSystemRegistrationChanges(self, address: ActorAddress, enable: bool) -> None:  # noqa: N802
        """There are no changes to tell of."""

    def notifyOnSourceAvailability(self, address: ActorAddress, enable: bool) -> None:  # noqa: N802
        """No source is ever loaded."""

    def registerSourceAuthority(self, address: ActorAddress) -> None:  # noqa: N802
        raise SourceRefused("a source authority")

    def loadActorSource(self, source: Any) -> str:  # noqa: N802
        raise SourceRefused(source)

    def unloadActorSource(self, source_hash: str) -> None:  # noqa: N802
        """None was loaded: Thespian ignores hashes that it does not know."""
