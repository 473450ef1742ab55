"""A module of tools that starts threads at its import, as a client of a service may."""

import json
import logging
import os
import threading
import time

from agents.tools.tool import tool

PAUSE_S = 0.0005


def _works() -> None:
    while True:
        logging.getLogger(__name__).debug(json.dumps([*range(100)]))
        time.sleep(PAUSE_S)


for _ in range(4):
    threading.Thread(target=_works, daemon=True).start()


@tool
def logs_and_counts() -> tuple[int, int]:
    """Log a line, and return the worker's pid and the number of its threads."""
    logging.getLogger(__name__).debug("counted")
    return os.getpid(), threading.active_count()
