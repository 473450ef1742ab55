"""A secret in the settings: a program gives a str or a SecretStr, and a reader gets a SecretStr.

pydantic makes the SecretStr. A type checker would refuse the str, so it sees a descriptor, which has both types.
"""

from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias

from pydantic import SecretStr
from typing_extensions import TypeVar

__all__ = ["NO_SECRET", "OptionalSecret", "Secret"]

if TYPE_CHECKING:
    Held = TypeVar("Held")
    Given = TypeVar("Given")

    class _Secret(Generic[Held, Given]):
        def __get__(self, instance: object, owner: Any) -> Held: ...
        def __set__(self, instance: object, value: Given) -> None: ...

    Secret: TypeAlias = _Secret[SecretStr, SecretStr | str]
    OptionalSecret: TypeAlias = _Secret[SecretStr | None, SecretStr | str | None]
else:
    Secret = SecretStr
    OptionalSecret = SecretStr | None

NO_SECRET: Final[Any] = None
"""The default of an OptionalSecret."""
