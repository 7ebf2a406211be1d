"""What a text gives away without a network: numbers to read a loss against."""
