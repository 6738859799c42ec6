"""Whether Core ML accepts a model and can train it."""
