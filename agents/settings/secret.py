"""A secret in the settings: a program gives a str or a SecretStr, and a reader gets a SecretStr.

An API key may also be a function, or the path of a file. Both are read again while the program runs.

pydantic makes the SecretStr. A type checker would refuse the str, so it sees a descriptor, which has both types.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeAlias

from pydantic import BeforeValidator, SecretStr
from typing_extensions import TypeVar

from agents.llm.key import CallableKey, KeyFunction, KeySource, NoKey
from agents.settings.secret_file import FileKey

__all__ = ["NO_SECRET", "ApiKey", "GivenApiKey", "OptionalSecret", "RenewedSecret", "Secret", "key_of"]

GivenApiKey: TypeAlias = SecretStr | str | KeyFunction | Path | None
"""The API keys that a program gives: itself, a function that returns it, or the path of its file."""


class RenewedSecret(SecretStr):
    """A secret that changes. source: gives the present one. Equal sources make equal secrets."""

    def __init__(self, source: KeySource) -> None:
        super().__init__("")
        self.source = source

    def get_secret_value(self) -> str:
        """Return the secret of a file; "" for a function, since only a request may call it, and for a faulty file."""
        try:
            return self.source.read_now() if isinstance(self.source, FileKey) else ""
        except NoKey:
            return ""

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RenewedSecret) and self.source == other.source

    def __hash__(self) -> int:
        return hash(self.source)

    def _display(self) -> str:
        return "**********"


def key_of(secret: SecretStr | None) -> str | KeySource | None:
    """Return the API key, or its source."""
    if secret is None:
        return None
    return secret.source if isinstance(secret, RenewedSecret) else secret.get_secret_value()


class Renewed:
    """The mark of a secret that is read again while the program runs."""


def _renewed(given: Any) -> Any:
    if isinstance(given, Path):
        return RenewedSecret(FileKey(given))
    return RenewedSecret(CallableKey(given)) if callable(given) else given


if TYPE_CHECKING:
    Held = TypeVar("Held")
    Given = TypeVar("Given")

    class _Secret(Generic[Held, Given]):
        def __get__(self, instance: object, owner: Any) -> Held: ...
        def __set__(self, instance: object, value: Given) -> None: ...

    Secret: TypeAlias = _Secret[SecretStr, SecretStr | str]
    OptionalSecret: TypeAlias = _Secret[SecretStr | None, SecretStr | str | None]
    ApiKey: TypeAlias = _Secret[SecretStr | None, GivenApiKey]
else:
    Secret = SecretStr
    OptionalSecret = SecretStr | None
    ApiKey = Annotated[SecretStr, BeforeValidator(_renewed), Renewed()] | None

NO_SECRET: Final[Any] = None
"""The default of an OptionalSecret and of an ApiKey."""
