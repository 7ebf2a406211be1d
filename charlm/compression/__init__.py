"""Lossless compression of files with a trained model, with the same result on every machine."""
