"""What an engine's scores are worth: base rates, maps from scores to chances, confidence, and their limits."""
