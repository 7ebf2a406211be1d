"""Training and runs in Python, for notebooks, scripts and the Python prompt. Prints, as the command line does."""
