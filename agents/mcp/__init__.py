"""MCP servers: their tools for agents. Each server has a process that keeps one connection to it. docs/mcp.md

    files = mcp.server("files", command=["npx", "-y", "@modelcontextprotocol/server-filesystem", "/srv/notes"])
    pid = await start_agent(tools=[files, "calculator"])

An agent names a server of the settings as ("mcp", "files").
"""

from agents.mcp.spec import ServerSpec, server

__all__ = ["ServerSpec", "server"]
