"""The cluster: several OS processes, each a node, that share one store and answer for each other's agents."""
