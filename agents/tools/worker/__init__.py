"""Worker processes: their own code (main, confine), the pool's view (process), and the messages (wire)."""
