"""A run while it trains: it is started or rehearsed, shown, stopped, and followed from another terminal."""
