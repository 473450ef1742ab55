"""The process of a GenServer: its loop, its callbacks and outcomes, and what answers its system messages."""
