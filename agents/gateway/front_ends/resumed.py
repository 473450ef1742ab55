"""A stream in the form of a front end, from its begin or after a place."""

from collections.abc import Callable
from typing import NamedTuple

from starlette.responses import Response

from agents.gateway.event_stream import Delivery, EventStream
from agents.gateway.front_ends.parts import Parts
from agents.gateway.reader import AnyReader
from agents.gateway.visible import Visible


class FrontEnd(NamedTuple):
    """A protocol. encoder: returns that of the stream with this id. headers: of each answer."""

    encoder: Callable[[str], Parts]
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def answer(self, reader: AnyReader, delivery: Delivery) -> Response:
        """Return the answer that sends the whole stream."""
        return self._answer(reader, delivery, self.encoder(reader.stream_id))

    async def resumed(self, visible: Visible, stream_id: str, after: int, delivery: Delivery) -> Response:
        """Return the answer that sends the events after a place; 204 if there are none.

        The encoder knows the open part and the ids of calls from the earlier events. So it reads them first, and what
        it returns for them is not sent.
        """
        reader = await visible.streams.follow(stream_id, after)
        if reader is None:
            return Response(status_code=204)
        encoder = self.encoder(stream_id)
        try:
            async for page in visible.streams.events(stream_id):
                encoder([event for event in page if event.seq <= after])
        except BaseException:
            reader.close()
            raise
        if encoder.over:  # this client was told that it gets no more
            reader.close()
            return Response(status_code=204)
        return self._answer(reader, delivery, encoder)

    def _answer(self, reader: AnyReader, delivery: Delivery, encoder: Parts) -> Response:
        return EventStream(reader, delivery, encoder, encoder.cut, headers=self.headers)
