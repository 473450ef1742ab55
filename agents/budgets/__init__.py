"""Budgets: what model calls have spent, and whether the next one may be made."""
