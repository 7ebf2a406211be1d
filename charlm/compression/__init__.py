"""A trained model as a compressor: any bytes in, the same bytes out, on every machine."""
