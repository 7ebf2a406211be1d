"""What is typed after each command: its help, arguments and options. Nothing here imports numpy.

So help and completion are quick, and they work where Python keeps no docstrings (``python -OO``). What a command
does stands in the module of the same name beside this folder, which is imported when it is called.
"""
