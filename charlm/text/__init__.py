"""Texts: read from files, encoded as ids, and cut into training sequences."""
