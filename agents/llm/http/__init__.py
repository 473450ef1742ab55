"""HTTP to providers: the client, its transport, and the bodies of answers."""
