"""Standard input, output and error of a program: always open, and never the cause of a traceback.

    with standard_streams("understudy"):
        ...                              # code that prints

Scripts and service managers start programs with a closed descriptor, on a full disk, with a pipe whose reader leaves,
or with an encoding that lacks most characters.
"""

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

CANNOT_WRITE: Final = 1  # exit code

STANDARD: Final = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)
"""The open modes of descriptors 0, 1 and 2."""


class Output(io.FileIO):
    """A descriptor for writing.

    failed: the latest error of a write; the write raises it, too.
    """

    failed: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            while (written := super().write(data)) is None:  # another program made the pipe non-blocking
                select.select([], [self.fileno()], [])
        except OSError as error:
            self.failed = error
            raise
        return written


class Errors(Output):
    """A descriptor for stderr. It drops text that can't be written: no place is left for a report."""

    def write(self, data: Any, /) -> int:
        with suppress(OSError):
            return super().write(data)
        return memoryview(data).nbytes


@contextmanager
def standard_streams(program: str) -> Iterator[None]:
    """Make stdout and stderr accept any text, and open descriptors 0 to 2, within the block.

    If a write to stdout fails and the block lets the error out, the program ends with CANNOT_WRITE. It prints one line
    on stderr, or nothing if the reader of a pipe has left.
    """
    _open_closed()
    sys.stdin = sys.stdin or io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)), encoding="utf-8")
    output = Output(1, "w", closefd=False)
    sys.stdout = out = _text(output, sys.stdout)
    sys.stderr = _text(Errors(2, "w", closefd=False), sys.stderr, line_buffering=True)
    try:
        try:
            yield
        finally:
            if not out.closed:
                out.flush()
    except OSError as error:
        if error is not output.failed:
            raise
        give_up_stdout()  # otherwise the interpreter's own flush fails again
        if error.errno != errno.EPIPE:
            sys.stderr.write(f"{program}: expected to write to stdout, got: {os.strerror(error.errno or 0)}\n")
        raise SystemExit(CANNOT_WRITE) from None


def give_up_stdout() -> None:
    """Drop buffered and future output of stdout."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _open_closed() -> None:
    """Open closed standard descriptors on /dev/null, in ascending order.

    The system assigns the lowest free descriptor: a file that is opened later must not get one of these.
    """
    for descriptor, flags in enumerate(STANDARD):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, flags)
            os.dup2(opened, descriptor)
            if opened != descriptor:
                os.close(opened)


def _text(raw: io.RawIOBase, before: Any, *, line_buffering: bool = False) -> io.TextIOWrapper:
    """Return a text stream over raw with the encoding and buffering of `before`.

    before: the interpreter's stream; None if the descriptor was closed.
    """
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="replace",
        line_buffering=line_buffering or getattr(before, "line_buffering", False),
        write_through=getattr(before, "write_through", False),
    )
