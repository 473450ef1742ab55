"""The routes, a file for each kind of thing. Each makes what FastAPI needs of it, and knows only what it is given."""
