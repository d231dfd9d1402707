"""Language models trained to rate and review: examples, the three recipes and what they are paid for.

This is training, never part of a review: nothing here is imported by an engine.
"""
