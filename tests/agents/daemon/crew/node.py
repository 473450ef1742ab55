"""A small program in place of a node: it answers its parent, and ends as its plan says. It imports nothing of ours.

    node.py FOLDER PLAN NAME DESCRIPTOR

It appends its pid to FOLDER/NAME.pids, and at SIGHUP a line to FOLDER/NAME.reloads. SIGUSR1 stands for a client's
request to stop, SIGUSR2 for one to reload. A word of the plan is used for one start, and the last one for all others:

    serve     listen until SIGTERM
    CODE      listen, then end with this code
    -CODE     end with this code before it listens
    reason    listen, wait for the file FOLDER/go, then end with code 1 and a reason
    no        refuse to start
    late      wait for that file, then serve; a signal would end the wait as it ends a daemon that starts
"""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

FOLDER, PLAN, NAME, DESCRIPTOR = sys.argv[1:]
LINK = socket.socket(fileno=int(DESCRIPTOR))


def tell(kind: str, **fields: Any) -> None:
    LINK.send(json.dumps({"type": kind, **fields}).encode())


def append(kind: str, line: object) -> int:
    """Append the line to the file of this kind; return the number of its lines."""
    path = Path(FOLDER, f"{NAME}.{kind}")
    with path.open("a") as file:
        file.write(f"{line}\n")
    return len(path.read_text().splitlines())


def reload(*_: object) -> None:
    append("reloads", os.getpid())
    tell("NodeReloaded")


def wait() -> None:
    while not Path(FOLDER, "go").exists():
        time.sleep(0.01)


def main() -> NoReturn:
    starts, words = append("pids", os.getpid()), PLAN.split(",")
    word = words[min(starts, len(words)) - 1]
    if word == "no":
        tell("NodeRefused", lines=[f"{NAME} refuses"])
        sys.exit(2)
    if word.startswith("-"):
        sys.exit(-int(word))
    if word == "late":
        wait()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGHUP, reload)
    signal.signal(signal.SIGUSR1, lambda *_: tell("StopRequested"))
    signal.signal(signal.SIGUSR2, lambda *_: tell("ReloadRequested"))
    tell("NodeListens", address={"url": "http://127.0.0.1:1", "process": "h b 1 1", "token_file": "t"})
    if word == "reason":
        wait()
        tell("LoopEnds")
        tell("NodeRefused", lines=["its application has ended"])
        sys.exit(1)
    if word not in ("serve", "late"):
        sys.exit(int(word))
    while LINK.recv(4096):
        tell("NodePong")
    sys.exit(1)


main()
