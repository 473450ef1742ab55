"""What can go wrong between a client and its daemon. `str()` gives one line for a person.

ClientError
├── NoDaemon        there is none to be found, or nothing listens where it was
├── Unreachable     it does not answer, or not any more
└── Refused         it answers, and says no: a token, an id, a request that it does not take
"""


class ClientError(Exception):
    pass


class NoDaemon(ClientError):
    pass


class Unreachable(ClientError):
    pass


class Refused(ClientError):
    """status: HTTP's. kind: the word for programs."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind = status, kind
