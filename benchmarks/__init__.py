"""charlm beside PyTorch and DyNet on the same work: ``python -m benchmarks --help``.

Every contender runs in a process of its own, on all cores, and they take turns: a machine that is
slower for a while is slower for all. What is compared are medians.
"""
