"""The help, arguments and options of each command. Nothing here imports numpy, so help and completion are fast.

Help texts are no docstrings, so that they exist under ``python -OO`` too. The module of the same name beside this
folder does the work; it is imported when the command is called.
"""
