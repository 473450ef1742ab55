"""Model providers: the requests to them, and readers of their answers into the deltas of agents.core."""
