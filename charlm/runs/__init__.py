"""A run on the disk: its directory, checkpoints and lock. The meaning of their content is not known here."""
