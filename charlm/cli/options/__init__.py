"""What a command line may hold: shared options, the words that Tab offers, and advice after a mistake."""
