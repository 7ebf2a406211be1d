"""Count the groups of modules that import each other, imports for typing included: ``python -m tests.imports``."""

from __future__ import annotations

import grimp

PACKAGE = "charlm"


def import_graph(package: str = PACKAGE) -> grimp.ImportGraph:
    """Return who imports whom, without the root package's imports: they happen when a public name is used."""
    graph = grimp.build_graph(package, cache_dir=None)
    for imported in graph.find_modules_directly_imported_by(package):
        graph.remove_import(importer=package, imported=imported)
    return graph


def cyclic_groups(graph: grimp.ImportGraph) -> list[list[str]]:
    """Return the groups of modules in which each imports all others, directly or through others."""
    below = {module: graph.find_upstream_modules(module) for module in graph.modules}
    groups = {
        tuple(sorted({a} | {b for b in imported if a in below[b]})) for a, imported in below.items()
    }
    return sorted(list(group) for group in groups if len(group) > 1)


if __name__ == "__main__":
    groups = cyclic_groups(import_graph())
    print(f"groups of modules that import each other: {len(groups)}")
    for group in groups:
        print("  " + ", ".join(group))
    raise SystemExit(1 if groups else 0)
