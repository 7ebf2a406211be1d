"""The contenders. Each has ``start`` (imports, threads) and, for each task, a function that returns what to time."""
