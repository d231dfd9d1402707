"""What reviewers object to: the kinds, how likely each is here, and who was asked the same."""
