"""Daemons one after the other, each a fork of this program, so that its modules are imported once.

    python -m tests.agents.effects.daemons FOLDER PORT CONFIG

Each line on stdin starts a daemon, whose pid is printed. The line after its death is its status.
"""

import os
import signal
import sys
from pathlib import Path

import agents.daemon.serve
import agents.llm.http.openai_client
import agents.sessions.store  # noqa: F401 (imported once for all daemons)
from agents.cli.serve import serve
from agents.tools.worker.confine import die_with


def run(folder: Path, port: str, config: str, parent: int) -> None:
    die_with(parent, signal.SIGKILL)
    with (folder / "log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.chdir(folder)
    arguments = ["--config", config, "--port", port, "--state-dir", str(folder / "state")]
    serve.main(args=arguments, standalone_mode=False)


def say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    folder, port, config = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    parent = os.getpid()
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                run(folder, port, config, parent)
            finally:
                os._exit(1)
        say(child)
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


if __name__ == "__main__":
    main()
