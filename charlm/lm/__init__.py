"""The language model: its network, its kernels, its scores and its samples."""
