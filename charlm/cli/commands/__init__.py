"""The help, arguments and options of each command. Nothing here imports numpy, so help and completion are fast.

Help texts are not docstrings, so they also exist under ``python -OO``. The module of the same name beside this
folder does the work; it is imported when the command is called.
"""
