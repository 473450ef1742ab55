"""Sub-agents: an agent as the tool of another agent, and the call that it answers."""
