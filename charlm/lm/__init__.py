"""The language model: its network, what it is computed on, its scores and the texts that it draws."""
