"""The instruments of OpenTelemetry, and their process: the application's first child, so its last to end."""

import asyncio
import threading
from collections import Counter
from contextlib import suppress
from functools import cache, partial
from typing import Any, Final

from agents.extras import extra

with extra("otel", "telemetry"):
    from opentelemetry import metrics

from msgspec import Struct

from actors import Error, GenServer, NoReply, Ready
from actors.log import get_logger
from agents.core.faults import InvalidValue
from agents.settings import TelemetrySettings
from agents.telemetry.instruments import INSTRUMENTS, Instrument
from agents.telemetry.measurements import Measurements
from agents.telemetry.meter import become_meter, count
from agents.telemetry.providers import Providers, set_up
from agents.traces.carrier import propagate_by
from agents.traces.recorded import NAME, ContextPropagator

FLUSH_S: Final = 2.0
"""The longest wait for a collector at the end of the application."""

log = get_logger("understudy.telemetry")


class ExportedMeasurements(Measurements):
    """The instruments of the program's meter provider, which makes each of them once.

    A counter is read when it is exported: to count directly costs 6 us of a turn for each counter. The reader is
    another thread, which copies the counts in one step.
    """

    def __init__(self) -> None:
        super().__init__()
        meter = metrics.get_meter(NAME)
        self._counts: dict[str, Counter[tuple[str, ...]]] = {}
        self._histograms: dict[str, metrics.Histogram] = {}
        for each in INSTRUMENTS:
            if each.bounds:
                self._histograms[each.name] = meter.create_histogram(
                    each.name, each.unit, each.text, explicit_bucket_boundaries_advisory=each.bounds
                )
            else:
                self._counts[each.name] = Counter()
                meter.create_observable_counter(each.name, [partial(self._read, each)], each.unit, each.text)

    def add(self, instrument: Instrument, amount: float, *labels: str) -> None:
        if instrument.bounds:
            self._histograms[instrument.name].record(amount, _attributes(instrument, labels))
        else:
            self._counts[instrument.name][labels] += amount  # type: ignore[assignment]  # whole numbers

    def _read(self, instrument: Instrument, _: metrics.CallbackOptions) -> list[metrics.Observation]:
        counts = [*self._counts[instrument.name].items()]
        return [metrics.Observation(count, _attributes(instrument, labels)) for labels, count in counts]


def _attributes(instrument: Instrument, labels: tuple[str, ...]) -> dict[str, str]:
    return {name: value for name, value in zip(instrument.labels, labels, strict=True) if value}


@cache
def exported() -> ExportedMeasurements:
    """Return the measurements of this program, which all its applications share."""
    return ExportedMeasurements()


class Exported(Struct, frozen=True):
    """The state of the exporter: its figures, which change in place, and the providers that it flushes at its end."""

    figures: ExportedMeasurements
    own: Providers | None


class Exporter(GenServer[Exported]):
    """The process that exports. It does not start with an exporter that the environment names and nothing provides."""

    trap_exit = True

    def init(self, settings: TelemetrySettings) -> Ready[Exported] | Error:
        try:
            own = set_up(settings.endpoint)
        except InvalidValue as invalid:
            return Error(invalid)
        propagate_by(ContextPropagator())
        become_meter(self.pid)
        return Ready(Exported(exported(), own))

    def handle_info(self, message: Any, state: Exported) -> NoReply[Exported]:
        count(message, state.figures)
        return NoReply(state)

    async def terminate(self, reason: Any, state: Exported) -> None:
        if state.own is not None and not await _flushed(state.own):
            log.warning("telemetry_not_flushed", waited_s=FLUSH_S)


async def _flushed(own: Providers) -> bool:
    """Flush in a thread that the end of the program does not wait for. Return False after FLUSH_S."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def flush() -> None:
        own.flush()
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=flush, name="telemetry flush", daemon=True).start()
    try:
        async with asyncio.timeout(FLUSH_S):
            await done.wait()
    except TimeoutError:
        return False
    return True
