"""The built-in tools, one a module; agents/tools/registry.py knows their names."""
