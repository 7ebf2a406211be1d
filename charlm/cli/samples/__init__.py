"""The parts of `charlm sample`: what generates a text, in which form it is shown, and the interactive mode."""
