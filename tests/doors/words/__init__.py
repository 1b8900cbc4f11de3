"""Words as tables."""
