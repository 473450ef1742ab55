"""Model calls: whom an agent asks, one call, and the type of its answer."""
