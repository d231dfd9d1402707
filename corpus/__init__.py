"""The literature: reading papers, keeping them in a compressed store, and finding the closest ones."""
