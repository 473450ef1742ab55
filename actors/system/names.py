"""The registered names of one system. Erlang: register/2, unregister/1."""

from actors.kernel.errors import AlreadyNamed, InvalidName, NameTaken, NotRegistered
from actors.kernel.process import Process


class Names(dict[str, Process]):
    """The living processes with a name, by name. A process that ends loses its name."""

    def register(self, name: str, process: Process) -> None:
        """Give a process a name. Source: erlang:register/2, where each refusal is badarg."""
        self.check_free(name)
        if process.name is not None:
            raise AlreadyNamed(name, process.pid, process.name)
        self[name] = process
        process.name = name

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
        process.name = None
