"""The end of a node that the others have declared dead: at once, and without a word to anybody.

Its turns may go on elsewhere, and a terminal event from here would be a second end of their streams. A service manager,
or the parent of `understudy serve --nodes`, starts the node again.
"""

import os
import sys
from typing import Final, NoReturn

from actors.log import get_logger

FENCED: Final = 75
"""The exit code. Source: sysexits.h, EX_TEMPFAIL."""

log = get_logger("understudy.cluster")


def end_fenced() -> NoReturn:
    """End this OS process. The kernel ends its workers."""
    log.error("node_fenced", reason="the other nodes declared this node dead, since it sent no beat in time")
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(FENCED)
