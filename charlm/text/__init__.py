"""Texts: read from files, numbered by a vocabulary, cut into training sequences."""
