"""The built-in tools, one per module. agents/tools/registry.py has their names."""
