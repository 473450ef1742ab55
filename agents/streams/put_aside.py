"""Large results of a turn's calls: kept whole with the session, and shortened for the model."""

import asyncio
from hashlib import sha256

from msgspec import Struct
from msgspec.structs import replace

from actors.log import get_logger
from agents.core.large_result import LargeResult, LargeResults, shown
from agents.core.tool_result import ToolResult
from agents.parts.store import PartStore
from agents.sessions import SessionError
from agents.tools.text import cut
from agents.tools.tool import Tool

log = get_logger("understudy.tools")


class PutAside(Struct, frozen=True):
    """The results of an agent. parts: keeps them."""

    limits: LargeResults
    parts: PartStore

    def takes(self, tool: Tool, result: ToolResult) -> bool:
        """Return whether the result is put aside. A tool may want all of its result shown."""
        return tool.large_results == "aside" and self.limits.put_aside(result.content)

    async def put(self, result: ToolResult) -> ToolResult:
        """Keep the text of the result, and return the result for the model. If the store fails, the text is cut."""
        text = result.content
        data, handle = await asyncio.to_thread(_hashed, text)
        try:
            await self.parts.put_result(handle, data)
        except SessionError as failed:
            log.warning("large_result_not_kept", reason=failed.for_client)
            return replace(result, content=cut(text, self.limits.inline_bytes), value=None)
        kept = LargeResult(handle, len(data), len(text))
        return replace(result, content=shown(text, kept, self.limits.shown_bytes), value=None, large=kept)


def _hashed(text: str) -> tuple[bytes, str]:
    data = text.encode()
    return data, sha256(data).hexdigest()
