"""A run on the disk: its directory and its checkpoints. What is in them is not known here."""
