"""Damage to a literature store, and how it bears it: the parts of `benchmarks/bench_faults.py`."""
