"""How many children fell, by their supervisors: counted where supervisors report it, in the log."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Self

LOGGER: Final = "understudy.supervisors"


class Crashes(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.of: Counter[str] = Counter()

    @contextmanager
    def counted(self) -> Iterator[Self]:
        """Those within the block."""
        logger = logging.getLogger(LOGGER)
        logger.addHandler(self)
        try:
            yield self
        finally:
            logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        fields = getattr(record, "fields", {})
        if fields.get("event") == "child_terminated":
            self.of[fields["supervisor"]] += 1
