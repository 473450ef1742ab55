"""The registered names of one system. Erlang: register/2, unregister/1."""

from actors.kernel.errors import AlreadyNamed, InvalidName, NameTaken, NotRegistered
from actors.kernel.process import Process


class Names(dict[str, Process]):
    """By name, the living process that has it. A process knows its own names, and gives them back when it ends."""

    def register(self, name: str, process: Process) -> None:
        """Source: erlang:register/2, which calls each refusal badarg."""
        self.check_free(name)
        if process.names:
            raise AlreadyNamed(name, process.pid, process.names[0])
        self[name] = process
        process.names = (*process.names, name)

    def check_free(self, name: object) -> None:
        if not (isinstance(name, str) and name):
            raise InvalidName(name)
        owner = self.get(name)
        if owner is not None:
            raise NameTaken(name, owner.pid)

    def unregister(self, name: str) -> None:
        process = self.pop(name, None)
        if process is None:
            raise NotRegistered(name)
        process.names = tuple(n for n in process.names if n != name)
