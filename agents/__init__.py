"""The application: agents, streams, tools, the command line."""
