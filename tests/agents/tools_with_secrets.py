"""Tools that hold a secret of the host, in each way, for a test that looks for it."""

import os
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from agents import Bound, Tool, progress, tool

SECRET = "s3cr3t-4711"


def bound(what: str, *, key: Annotated[str, Bound]) -> str:
    """Do it with a bound key."""
    return _done(what, key)


@dataclass
class Account:
    key: str

    @tool(isolation="thread")
    def method(self, what: str) -> str:
        """Do it with the account's key."""
        return _done(what, self.key)

    @tool
    async def async_method(self, what: str) -> str:
        """Do it with the account's key."""
        return _done(what, self.key)

    def __call__(self, what: str) -> str:
        """Do it with the account's key."""
        return _done(what, self.key)


account = Account(SECRET)
TOOLS: list[Tool] = [
    tool(name="in_process")(bound).bind(key=SECRET),
    tool(name="in_thread", isolation="thread")(bound).bind(key=SECRET),
    tool(name="partly", isolation="thread")(partial(bound, key=SECRET)),
    tool(name="asks", isolation="thread", requires_approval=lambda what, key: bool(key))(bound).bind(key=SECRET),
    account.method,
    account.async_method,
    tool(name="account", isolation="thread")(account),
]


def _done(what: str, key: str) -> str:
    assert key == SECRET
    progress(what)
    if what == "raise":
        raise ValueError("it failed")
    if what == "die":
        os._exit(7)
    return f"{what} is done"
