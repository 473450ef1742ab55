"""The instruments of OpenTelemetry, and their process: the application's first child, so its last to end."""

import asyncio
import threading
from contextlib import suppress
from typing import Any, Final

from agents.extras import extra

with extra("otel", "telemetry"):
    from opentelemetry import metrics
    from opentelemetry.metrics import Counter, Histogram

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
    """The instruments of the program's meter provider."""

    def __init__(self) -> None:
        super().__init__()
        self._meter = metrics.get_meter(NAME)
        self._made = {each.name: self._make(each) for each in INSTRUMENTS}

    def add(self, instrument: Instrument, amount: float, *labels: str) -> None:
        made = self._made[instrument.name]
        known = {name: value for name, value in zip(instrument.labels, labels, strict=True) if value}
        if isinstance(made, Counter):
            made.add(amount, known)
        else:
            made.record(amount, known)

    def _make(self, each: Instrument) -> Counter | Histogram:
        if not each.bounds:
            return self._meter.create_counter(each.name, each.unit, each.text)
        return self._meter.create_histogram(
            each.name, each.unit, each.text, explicit_bucket_boundaries_advisory=each.bounds
        )


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
        return Ready(Exported(ExportedMeasurements(), own))

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
