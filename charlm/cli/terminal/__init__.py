"""What commands print, and how it reaches the terminal: streams, progress bars, tables, scores."""
