"""The parts of `charlm sample`: the generator, the forms of the output, and the interactive mode."""
