"""The student: what it reads, how it is trained, and the engine."""
