"""An MCP server whose tool does nothing, by the official library."""

from mcp.server.mcpserver import MCPServer

app = MCPServer("nothing")


@app.tool()
async def nothing(number: int) -> int:
    """Give the number back."""
    return number


if __name__ == "__main__":
    app.run("stdio")
