"""The cost of a token and of a process, beside the floor and the openai client: `make bench`."""
