"""The install's token, 256 bits in a private file; and the limit on wrong tokens."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from agents.gateway.errors import InvalidToken
from agents.node.secret_file import UnsafeFile, secret_in

WRONG_A_SECOND: Final = 10
ADDRESSES: Final = 1024  # remembered at a time


def token_of(path: Path) -> str:
    """Return the token in the file. If the file does not exist, write a new token to a new file of mode 0600.

    Raises InvalidToken if other users can read or write the file, or if it has no valid token.
    """
    try:
        return secret_in(path, "the token")
    except UnsafeFile as unsafe:
        raise InvalidToken(str(unsafe)) from None


class WrongTokens:
    """The recent wrong tokens of each address. Only the last ADDRESSES addresses are remembered.

    now_s: the clock.
    """

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._seen: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address -> (tokens left, at this time)

    def too_many(self, address: str) -> bool:
        """Count a wrong token, and return whether the address has sent too many.

        A right token is never counted, so other clients at an address can't lock a user out.
        """
        now_s = self._now_s()
        left, then_s = self._seen.pop(address, (float(WRONG_A_SECOND), now_s))
        left = min(WRONG_A_SECOND, left + (now_s - then_s) * WRONG_A_SECOND) - 1
        self._seen[address] = max(left, 0.0), now_s
        if len(self._seen) > ADDRESSES:
            self._seen.popitem(last=False)
        return left < 0
