"""A task whose answers can be checked, a small model that is trained on it, and what each technique does to it."""
