"""Who may come in: checks of a request that cost next to nothing and come before everything else."""
