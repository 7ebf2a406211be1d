"""No module imports one that imports it, not for types either."""

from __future__ import annotations

import grimp

from tests.imports import cyclic_groups, import_graph


def test_no_modules_import_each_other():
    assert cyclic_groups(import_graph()) == []


def test_groups_are_found():
    graph = grimp.ImportGraph()
    for importer, imported in ("ab", "bc", "ca", "cd", "de", "ed", "ef"):
        graph.add_import(importer=importer, imported=imported)
    assert cyclic_groups(graph) == [["a", "b", "c"], ["d", "e"]]
