"""The oracle: one Erlang that carries out one script after another."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec

from tests.supervisors.otp.script import Script, Transcript, term

ORACLE: Final = Path(__file__).with_name("oracle.erl")


class Oracle:
    def __init__(self, erl: "subprocess.Popen[str]") -> None:
        self._erl = erl
        self.release = self._line()
        self.scripts = 0

    def transcript(self, script: Script) -> Transcript:
        assert self._erl.stdin is not None
        self._erl.stdin.write(f"{term(script)}\n")
        self._erl.stdin.flush()
        self.scripts += 1
        transcript: Transcript = msgspec.json.decode(self._line())
        return transcript

    def _line(self) -> str:
        assert self._erl.stdout is not None
        if line := self._erl.stdout.readline():
            return line.rstrip()
        raise EOFError("expected a transcript, got the end of the Erlang")


@contextmanager
def oracle() -> Iterator[Oracle]:
    """Compile oracle.erl and run it until the end of the block."""
    with TemporaryDirectory() as folder:
        subprocess.run(["erlc", "-o", folder, ORACLE], check=True)
        command = ["erl", "-noshell", "-pa", folder, "-s", "oracle", "main"]
        erl = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            yield Oracle(erl)
        finally:
            erl.kill()
            erl.communicate()
