"""Takes outputs out of notebooks, as they are committed: ``python -m tests.notebooks.clear notebooks/*.ipynb``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["cleared", "main", "text_of"]

_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def cleared(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without outputs, numbers of execution, and what an editor noted for itself."""
    cells = []
    for k, cell in enumerate(notebook["cells"]):
        text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
        row = {"cell_type": cell["cell_type"], "id": cell.get("id", f"cell-{k}"), "metadata": {}}
        if cell["cell_type"] == "code":
            row |= {"execution_count": None, "outputs": []}
        cells.append(row | {"source": text.strip("\n").splitlines(keepends=True)})
    metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def text_of(notebook: dict[str, Any]) -> str:
    """As it is written to a file: keys in order, one space a level, as Jupyter does."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def main(paths: Sequence[str]) -> int:
    """Rewrite each of the notebooks in place."""
    for path in map(Path, paths):
        path.write_text(text_of(cleared(json.loads(path.read_text(encoding="utf-8")))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
