"""nbformat, imported without what would cost one to two seconds. Import it here, before papermill or nbconvert.

``import nbformat`` loads jsonschema, which loads ``rfc3987_syntax``, which compiles grammars for international web
addresses. Jupyter's schemas never ask for them, and jsonschema works without that (optional) package, so it is hidden
while jsonschema is imported, and only then.
"""

from __future__ import annotations

import sys
from typing import cast

_HIDDEN = "rfc3987_syntax"
_modules = cast("dict[str, object]", sys.modules)

if "jsonschema" not in _modules and _HIDDEN not in _modules:
    _modules[_HIDDEN] = None
    import jsonschema  # type: ignore[import-untyped]  # noqa: F401  # imported for its side effect: it is loaded now

    del _modules[_HIDDEN]

import nbformat  # noqa: E402  # after the guard: this is what it is for
from nbformat import NotebookNode  # noqa: E402

__all__ = ["NotebookNode", "nbformat"]
