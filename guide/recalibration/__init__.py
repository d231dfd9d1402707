"""What an engine's judgements are worth at a venue, learnt from its decisions."""
