"""The state of an agent as a value, its steps, and what it is asked for."""
