"""What is read, and from where: files with their includes, the environment, flags, and what secrets refer to."""
