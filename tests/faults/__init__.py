"""One test per row of the fault matrix: ``pytest -q tests/faults -k B02`` runs exactly that row.

A package, so that its conftest does not take the place of the other tests' one.
"""
