"""Judging what generators write: scores of samples and texts, quality-diversity curves, the headroom probe."""
