"""An agent's state as a value, its steps, and the requests to an agent."""
