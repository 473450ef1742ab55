"""The errors of a client. `str()` returns one line for a person.

ClientError
├── NoDaemon        no daemon was found, or nothing listens at its address
│   └── NoToken     the file of the token can't be read
├── Unreachable     the daemon does not answer, or the connection broke
└── Refused         the daemon answered with an error
"""


class ClientError(Exception):
    """The base of all errors of a client."""


class NoDaemon(ClientError):
    """No daemon was found, or nothing listens at its address."""


class NoToken(NoDaemon):
    """The file of the token can't be read."""


class Unreachable(ClientError):
    """The daemon does not answer, or the connection broke."""


class Refused(ClientError):
    """An error answer of the daemon. status: the HTTP status. kind: the error's type, a word for programs."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind
