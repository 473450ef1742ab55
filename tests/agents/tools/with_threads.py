"""A module of tools that starts threads at its import, as a client of a service may.

A test imports it late and sets ENDED, since its threads take a seventh of a core from every other test.
"""

import json
import logging
import os
import threading

from agents.tools.tool import tool

PAUSE_S = 0.0005
ENDED = threading.Event()


def _works() -> None:
    while not ENDED.wait(PAUSE_S):
        logging.getLogger(__name__).debug(json.dumps([*range(100)]))


for _ in range(4):
    threading.Thread(target=_works, daemon=True).start()


@tool
def logs_and_counts() -> tuple[int, int]:
    """Log a line, and return the worker's pid and the number of its threads."""
    logging.getLogger(__name__).debug("counted")
    return os.getpid(), threading.active_count()
