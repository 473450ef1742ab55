"""ThespianWatch: an actor that waits for files as well as for messages.

Each result of receiveMessage replaces the watch: a ThespianWatch begins a new one, and any other value ends it.
"""

from collections.abc import Iterable

from thespian.actors import WatchMessage

from actors.kernel.process import Process


class Watch:
    """The files that one actor waits for. The first readable file sends one WatchMessage and ends the watch."""

    __slots__ = ("_filenos", "_process")

    def __init__(self, process: Process, filenos: Iterable[int]) -> None:
        """Watch the files. For a file that the loop can't watch, raise the loop's error and watch none."""
        self._process = process
        self._filenos: list[int] = []
        try:
            for fileno in filenos:
                process.system.loop.add_reader(fileno, self._readable, fileno)
                self._filenos.append(fileno)
        except BaseException:
            self.close()
            raise

    def _readable(self, fileno: int) -> None:
        if self._filenos:
            self.close()
            self._process.deliver(WatchMessage([fileno]), self._process.pid)

    def close(self) -> None:
        filenos, self._filenos = self._filenos, []
        for fileno in filenos:
            self._process.system.loop.remove_reader(fileno)
