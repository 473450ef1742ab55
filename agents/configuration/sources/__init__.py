"""The sources of settings: files with their includes, the environment, flags, and the targets of secrets."""
