"""The crew: the parent of `serve --nodes`, and its nodes, which are OS processes. docs/daemon.md is its manual.

    parent             holds the state directory and the port; starts, watches and restarts the nodes
    └── nodes          each a whole daemon, which listens on the same port

node_count.py    how many nodes a daemon may have
wire.py          the packets between the parent and a node
node_process.py  a node as its parent sees it
restarts.py      the pause before a restart
crew.py          the parent on its loop
parent.py        the parent as a node sees it
serve.py         the parent as a program

The parent imports no application, gateway or store: it must outlive them.
"""
