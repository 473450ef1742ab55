"""What a token and a process cost, measured beside the floor and beside the openai client: `make bench`."""
