"""The main function of a worker process: take one job from the socket, answer it, and end.

The process is a fork of a template that has loaded the tool (loading.py), so its changes end with it. The pool reads
what this process sends, and ignores what a child of it sends on the same socket.
"""

import inspect
import os
import socket
import sys
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import Any, Never

import msgspec

from agents.tools.call_context import question_in
from agents.tools.errors import InvalidArguments, ToolRaised
from agents.tools.progress import ProgressReports, last_of, report_process_to
from agents.tools.result import WithMedia, returned
from agents.tools.worker.confine import confine, step_back
from agents.tools.worker.limits import limited
from agents.tools.worker.loading import found_tool
from agents.tools.worker.traced import traced
from agents.tools.worker.wire import (
    HEADER,
    Answer,
    ArgumentsRefused,
    Asks,
    Frame,
    ProgressReport,
    Raised,
    Returned,
    SentMedia,
    WorkerJob,
    WorkerReady,
    framed,
)


def main(descriptor: int, parent: int) -> Never:
    """Run one job. descriptor: this end of the socket pair. parent: pid of the template."""
    own, end, current = os.getpid(), os._exit, os.getpid  # saved before a tool can change them
    code = 1
    try:
        confine(parent)
        with socket.socket(fileno=descriptor) as pool:
            pool.set_inheritable(False)

            def send(frame: Frame) -> None:
                if current() == own:  # a child of the tool must not answer
                    pool.sendall(framed(msgspec.json.encode(frame)))

            send(WorkerReady())
            step_back()  # only now, since a call may wait for this worker
            if (job := _job(pool)) is not None:
                send(_answer(job, send))
        code = 0
    finally:
        end(code)


def _job(pool: socket.socket) -> WorkerJob | None:
    header = _received(pool, HEADER.size)
    body = None if header is None else _received(pool, HEADER.unpack(header)[0])
    return None if body is None else msgspec.json.decode(body, type=WorkerJob)


def _answer(job: WorkerJob, send: Callable[[Frame], None]) -> Answer:
    if sys.path != job.path:
        sys.path[:] = job.path
    try:
        made = found_tool(job.origin, job.bound)
        reports = ProgressReports(lambda data: send(ProgressReport(job.number, data)))
        with closing(report_process_to(reports)), limited(job.limits), traced(job.trace):
            result = made.function(**made.with_context(made.arguments(job.arguments), job.context))
            return _returned(job.number, returned(_awaited(result), job.max_output_bytes))
    except InvalidArguments as error:
        return ArgumentsRefused(job.number, error.faults)
    except BaseException as error:  # noqa: BLE001 - the crash boundary: a tool's exception is data for the model
        if (question := question_in(error)) is not None:
            return Asks(job.number, question)
        raised = ToolRaised.by(error)
        return Raised(job.number, raised.type_name, raised.message)


def _returned(number: int, value: Any) -> Returned:
    if not isinstance(value, WithMedia):
        return Returned(number, value)
    media = tuple(SentMedia(each.kind, each.data, each.name) for each in value.media)
    return Returned(number, value.value, media)


def _awaited(result: Any) -> Any:
    if inspect.isasyncgen(result):
        result = last_of(result)
    return _ran(result) if inspect.iscoroutine(result) else result


def _ran(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run the tool, and return its result.

    Outcomes bypass asyncio, which may call the repr() of a value and so run the tool's code.
    """
    import asyncio  # this import is a third of a worker's start, and few tools need it

    results: list[Any] = []
    errors: list[BaseException] = []

    async def caught() -> None:
        try:
            results.append(await coroutine)
        except BaseException as error:  # noqa: BLE001 (raised again below)
            errors.append(error)

    asyncio.run(caught())
    for error in errors:
        raise error
    return results[0]


def _received(pool: socket.socket, size: int) -> bytes | None:
    """Return exactly size bytes, or None if the pool has closed its end."""
    body = bytearray()
    while len(body) < size:
        piece = pool.recv(size - len(body))
        if not piece:
            return None
        body += piece
    return bytes(body)
