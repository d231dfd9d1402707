"""The report of replays: one page, its figures and its JSON."""
