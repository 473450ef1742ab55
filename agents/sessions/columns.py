"""The types of the store's columns. A stored value of another type raises StoreDamaged."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from msgspec import Raw
from sqlalchemy import BigInteger, Float, Integer, LargeBinary, MetaData, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from agents.sessions.errors import StoreDamaged
from agents.sessions.payload import Decoder

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


class JsonColumn(TypeDecorator[Any]):
    """A value of a type that msgspec knows, or such a value already encoded. None is NULL."""

    impl = LargeBinary
    cache_ok = True

    def __init__(self, of: Any) -> None:
        super().__init__()
        self.of = of
        self._decoder: Decoder[Any] = Decoder(of)

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        return bytes(value) if type(value) is Raw else self._decoder.written(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return None if value is None else self._decoder(value)


class TypedColumn(TypeDecorator[Any]):
    """A column of one Python type. SQLite keeps a value of any type in any column; another one raises StoreDamaged."""

    impl = Text
    cache_ok = True

    def __init__(self, impl: type[TypeEngine[Any]], of: type, word: str) -> None:
        super().__init__()
        self.impl = impl()  # type: ignore[assignment]  # an instance, as SQLAlchemy makes of a class
        self.of, self.word = of, word

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        if value is not None and type(value) is not self.of:
            raise StoreDamaged(f"the store is damaged: expected {self.word}, got {type(value).__name__}")
        return value


class Instant(TypeDecorator[datetime]):
    """A time in UTC, in microseconds since 1970. Both databases can order it, and neither applies a time zone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else instant(value)


def instant(value: Any) -> datetime:
    """Return the time of a stored number. Raises StoreDamaged."""
    try:
        found: datetime = EPOCH + value * MICROSECOND
    except (TypeError, OverflowError):
        raise StoreDamaged(f"the store is damaged: expected a time, got {type(value).__name__}") from None
    return found


TEXT: Final = TypedColumn(Text, str, "text")
INTEGER: Final = TypedColumn(Integer, int, "an integer")
LONG: Final = TypedColumn(BigInteger, int, "an integer")
NUMBER: Final = TypedColumn(Float, float, "a number")


METADATA: Final = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "fk": "fk_%(table_name)s_%(column_0_name)s"}
)
"""The tables that are imported. schema.py has all of them."""
