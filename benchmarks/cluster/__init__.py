"""The figures of a cluster: nodes as OS processes, on a PostgreSQL that is started for them."""
