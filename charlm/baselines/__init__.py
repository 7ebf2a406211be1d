"""Baselines without a network: what n-grams and a compressor reach on a text."""
