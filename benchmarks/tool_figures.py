"""The measurements of turns with tools, and of the supervision of a call."""

from typing import Final

from benchmarks.others import SDK
from benchmarks.reading import Beside, FanOut
from benchmarks.subject import Call
from benchmarks.suite import Suite, Target

REMARK: Final = """\
By the clock. AsyncOpenAI: in a loop written by hand around it, with coroutines gathered and plain functions in threads,
as nothing else comes with it. The gap is the longest between two tokens of another stream, in the same OS process,
while the tools run: its provider leaves 20 ms between them. Computing: 300 ms of a core each. Ours has the
default number of workers. Supervision: the CPU time of 500 calls at once beyond that of the same calls without it."""


TOOL_CALLS: Final = Suite(
    "tools",
    "Turns with tools",
    "ms",
    [
        FanOut("sdk", 64, "sdk_"),
        FanOut("tools", 64),
        Beside("sdk", "calls-8-of-block", "block", "sdk_"),
        Beside("tools", "calls-8-of-block", "block"),
        Beside("sdk", "calls-64-of-block", "blocks", "sdk_"),
        Beside("tools", "calls-64-of-block", "blocks"),
        Beside("sdk", "calls-1-of-burn", "burn", "sdk_"),
        Beside("tools", "calls-1-of-burn", "burn"),
        Beside("sdk", "calls-4-of-burn", "burns", "sdk_"),
        Beside("tools", "calls-4-of-burn", "burns"),
        Call(),
    ],
    {
        "beyond": "64 parallel async tools of 100 ms: the turn's time beyond 100 ms",
        "block_turn": "8 sync tools that wait for 200 ms: the turn",
        "block_gap": "the worst gap of another stream meanwhile",
        "blocks_turn": "64 such tools: the turn",
        "blocks_gap": "the worst gap of another stream meanwhile",
        "burn_turn": "a tool that computes for 300 ms: the turn",
        "burn_gap": "the worst gap of another stream meanwhile",
        "burns_turn": "four of them at once: the turn",
        "burns_gap": "the worst gap of another stream meanwhile",
        "call": "a call of an async tool that does nothing, CPU us",
        "supervision": "its supervision, CPU us",
    },
    targets={
        "beyond": [Target(15)],
        "block_turn": [Target(230)],
        "blocks_turn": [Target(400)],
        "block_gap": [Target(30)],
        "burn_gap": [Target(25)],
        "burns_gap": [Target(40)],
        "supervision": [Target(80)],
    },
    beside=SDK,
    remark=REMARK,
)
