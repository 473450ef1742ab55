"""Standard input, output and error of a program: always open, and never the cause of a traceback.

    with standard_streams("understudy"):
        ...                              # prints as it likes

Scripts and service managers start programs with a closed descriptor, on a full disk, into a pipe whose reader leaves,
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
"""How descriptors 0, 1 and 2 are used."""


class Output(io.FileIO):
    """A descriptor to write to. failed: the latest error of a write, which is raised."""

    failed: OSError | None = None

    def write(self, data: Any, /) -> int:
        try:
            while (written := super().write(data)) is None:  # another program has made the pipe non-blocking
                select.select([], [self.fileno()], [])
        except OSError as error:
            self.failed = error
            raise
        return written


class Errors(Output):
    """Drops what can't be written: no place is left to report that to."""

    def write(self, data: Any, /) -> int:
        with suppress(OSError):
            return super().write(data)
        return memoryview(data).nbytes


@contextmanager
def standard_streams(program: str) -> Iterator[None]:
    """Within the block stdout and stderr take any text, and no descriptor below 3 is anything but a standard stream.

    A write to stdout that fails, and that the block lets out, ends the program with CANNOT_WRITE: with one line on
    stderr, or silently if the reader of a pipe has left.
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
        give_up_stdout()  # the interpreter flushes it again
        if error.errno != errno.EPIPE:
            sys.stderr.write(f"{program}: expected to write to stdout, got: {os.strerror(error.errno or 0)}\n")
        raise SystemExit(CANNOT_WRITE) from None


def give_up_stdout() -> None:
    """Drop what stdout could not write, and all that is still to come."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def _open_closed() -> None:
    """In order: the system gives out the lowest free descriptor, and another file must not get one of these."""
    for descriptor, flags in enumerate(STANDARD):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, flags)
            os.dup2(opened, descriptor)
            if opened != descriptor:
                os.close(opened)


def _text(raw: io.RawIOBase, before: Any, *, line_buffering: bool = False) -> io.TextIOWrapper:
    """A text stream over raw, as the interpreter made the one before. before: None if the descriptor was closed."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=getattr(before, "encoding", None) or "utf-8",
        errors="replace",
        line_buffering=line_buffering or getattr(before, "line_buffering", False),
        write_through=getattr(before, "write_through", False),
    )
