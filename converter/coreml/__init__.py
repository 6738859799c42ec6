"""The Core ML format: its message, its shapes, and one table for each kind of fact about it."""
