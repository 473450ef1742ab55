"""The process system: processes, links, monitors, GenServer, Task, names. Knows no supervisor and no LLM."""
