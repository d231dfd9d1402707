"""The evaluator: decisions played back, metrics with intervals, baselines."""
