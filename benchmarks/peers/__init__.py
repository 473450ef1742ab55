"""Other libraries for agents, as readers of the same streams: each in an environment and an OS process of its own."""
