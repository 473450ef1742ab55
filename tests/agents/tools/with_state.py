"""Tools with state for tests, in a module that a worker can import."""

import sqlite3
import threading
from functools import partial
from typing import Annotated

from agents.tools.signature import Bound
from agents.tools.tool import tool


class Desk:
    """A lending desk with a database connection."""

    branch = "main"

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.database = sqlite3.connect(":memory:", check_same_thread=False)
        self.database.execute("create table loans (title text)")

    @tool(isolation="thread")
    def lend(self, title: str) -> int:
        """Lend a book, and return the number of loans."""
        with self.lock, self.database:
            self.database.execute("insert into loans values (?)", (title,))
            return self._count()

    @tool
    async def count(self) -> int:
        """Count the loans."""
        return self._count()

    def loans(self, limit: int = 10) -> list[str]:
        """List the loans."""
        return [title for (title,) in self.database.execute("select title from loans limit ?", (limit,))]

    async def loans_soon(self) -> list[str]:
        """List the loans."""
        return self.loans()

    def __call__(self, title: str) -> bool:
        """Say whether the book is lent."""
        return title in self.loans()

    @tool
    @classmethod
    def opens(cls, hour: int) -> str:
        """Say when the desk opens."""
        return f"{cls.branch} opens at {hour}"

    @classmethod
    def closes(cls, hour: int) -> str:
        """Say when the desk closes."""
        return f"{cls.branch} closes at {hour}"

    @tool
    @staticmethod
    def shelf(title: str) -> str:
        """Name the shelf of a book."""
        return title[:1]

    @staticmethod
    def row(title: str) -> str:
        """Name the row of a book."""
        return title[-1:]

    def _count(self) -> int:
        ((number,),) = self.database.execute("select count(*) from loans")
        return int(number)


class Branch(Desk):
    branch = "north"


def find(desk: Desk, title: str, limit: int = 10) -> bool:
    """Say whether a book is lent."""
    return title in desk.loans(limit)


def lent(title: str, *, desk: Annotated[Desk, Bound]) -> bool:
    """Say whether a book is lent."""
    return title in desk.loans()


def signed(text: str, *, key: Annotated[str, Bound]) -> int:
    """Sign a text."""
    if text == "fail":
        raise ValueError("no signature")
    return len(text) + len(key)


def partly(desk: Desk) -> "partial[bool]":
    return partial(find, desk, limit=5)
