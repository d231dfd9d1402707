"""Whether a compressed model may stand in for the whole one."""
