"""The errors of a client. `str()` returns one line for a person.

ClientError
├── NoDaemon        no daemon was found, or nothing listens at its address
│   └── NoToken     the file of the token can't be read
├── InvalidId       a text that a request can't have as an id
├── InvalidAddress  a text that is not the URL of a daemon
├── Unreachable     the daemon does not answer, or the connection broke
├── NotADaemon      another program answered
└── Refused         the daemon answered with an error
"""


class ClientError(Exception):
    """The base of all errors of a client."""


class NoDaemon(ClientError):
    """No daemon was found, or nothing listens at its address."""


class NoToken(NoDaemon):
    """The file of the token can't be read."""


class InvalidId(ClientError):
    """A text that a request can't have as an id."""

    def __init__(self, given: str) -> None:
        super().__init__(f"expected an id, got {given!r}")


class InvalidAddress(ClientError):
    """A text that is not the URL of a daemon."""


class Unreachable(ClientError):
    """The daemon does not answer, or the connection broke."""


class NotADaemon(ClientError):
    """Another program answered."""


class Refused(ClientError):
    """An error answer of the daemon. status: the HTTP status. kind: the error's type, a word for programs."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind
