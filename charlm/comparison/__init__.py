"""Comparisons of models that learn the same text."""
