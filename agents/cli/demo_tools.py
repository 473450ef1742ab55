"""The demo's own tool: plain code that takes a while and may be killed meanwhile."""

import time

from agents.tools.tool import tool

WORK_S = 2.5

ARCHIVE = {
    "illness": "in 1947 an understudy went on at an hour's notice and played the part for eleven years",
    "fire": "in 1899 the second act was played by candlelight",
}


@tool(timeout_s=10.0, idempotent=True, restart="transient")
def search_archive(topic: str) -> str:
    """Search the theatre's archive for a topic, such as illness or fire."""
    time.sleep(WORK_S)
    return ARCHIVE.get(topic, "nothing was found")
