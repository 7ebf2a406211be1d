"""Published tables, repeated: ``python -m benchmarks.published NAME``. README.md has our figures beside theirs."""
