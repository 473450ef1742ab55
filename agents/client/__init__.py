"""A client of the daemon, for commands and for other programs. It imports nothing that runs agents.

async with Client.found() as client:                         # the daemon of this user
    async for event in client.ask("writer", "Hello."):       # reconnects when its connection breaks
        print(event)

Client("http://127.0.0.1:8765", token)                       # another daemon
Client(["http://a:8765", "http://b:8765"], token)            # the nodes of a cluster: the next one if one refuses
"""

from agents.client.client import Client
from agents.client.errors import ClientError, NoDaemon, Refused, Unreachable
from agents.contract.sessions import Session, SessionInfo, SessionStream

__all__ = [
    "Client",
    "ClientError",
    "NoDaemon",
    "Refused",
    "Session",
    "SessionInfo",
    "SessionStream",
    "Unreachable",
]
