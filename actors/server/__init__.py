"""Internal: GenServer, and the process that runs one. Erlang: gen_server, sys, proc_lib."""
