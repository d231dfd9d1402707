"""Holding a language model's answer against what it was shown: the proposal's own words and the papers retrieved."""
