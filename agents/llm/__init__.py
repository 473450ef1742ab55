"""Model providers: what is sent to them, and their streams read into the deltas of agents.core."""
