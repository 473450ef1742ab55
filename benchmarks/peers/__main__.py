"""One measurement of a peer, by the Python of its environment: print its figures as one line of JSON.

python -I -m benchmarks.peers '{"job": "cpu", "reader": "langgraph", "load": {...}}' http://127.0.0.1:8080/v1
"""

import asyncio
import os
import sys

import msgspec
import uvloop

from benchmarks.reading import Reading, measured

QUIET = {"OPENAI_AGENTS_DISABLE_TRACING": "1", "LANGSMITH_TRACING": "false", "DO_NOT_TRACK": "1"}
"""No peer reports to its vendor, which would be part of its cost."""

if __name__ == "__main__":
    os.environ.update(QUIET)
    job: Reading = msgspec.json.decode(sys.argv[1], type=Reading)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(msgspec.json.encode(runner.run(measured(job, sys.argv[2]))).decode())
