"""Compare charlm with PyTorch and DyNet on the same work: ``python -m benchmarks --help``.

Every contender runs in its own process, on all cores, and they take turns. So a machine that is slow for
a while is slow for all of them. The medians are compared.
"""
