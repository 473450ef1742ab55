"""Worker processes: what runs in one (main, confine), how its pool sees it (process), what they say (wire)."""
