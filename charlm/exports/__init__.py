"""A trained model as a file for other programs: one module for each format, with a function ``export``.

``formats.py`` has the table of formats, ``content.py`` what all of them contain, and ``readers/`` the programs that
are written beside the files.
"""
