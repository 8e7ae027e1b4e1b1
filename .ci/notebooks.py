"""Run every notebook anew and keep it, or check that what is kept is what comes out.

``python .ci/notebooks.py --write`` executes the notebooks and stores their outputs, without anything that depends on
the day or the machine; ``--check`` fails where a stored notebook differs from that by a byte. The README's pictures are
taken from the notebooks.
"""

from __future__ import annotations

import argparse
import base64
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

PROJECT = Path(__file__).resolve().parents[1]
NOTEBOOKS = PROJECT / "notebooks"
PICTURES = {PROJECT / "docs/pictures/parent_chain.png": ("02_parent_chains", 5)}
"""The README's pictures, and the notebook and code cell (from 0) each comes from."""


def run(path: Path) -> str:
    """Execute a notebook in a fresh kernel and return its text, normalised."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, kernel_name="python3", timeout=120, resources={"metadata": {"path": str(path.parent)}})
    client.execute()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    number = 0
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index:02d}"
        cell.metadata = nbformat.from_dict({key: value for key, value in cell.metadata.items() if key == "tags"})
        if cell.cell_type != "code":
            continue
        number += 1
        cell.execution_count = number
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = number
            if "data" in output:
                output.data.pop("application/vnd.jupyter.widget-view+json", None)
    return nbformat.writes(notebook) + "\n"


def picture_of(path: Path, number: int) -> bytes:
    """Return the first picture among a code cell's outputs."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    text = next(output.data["image/png"] for output in cells[number].outputs if "image/png" in output.get("data", {}))
    return base64.b64decode(text)


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="store what comes out")
    parser.add_argument("--check", action="store_true", help="fail where it differs from what is stored")
    options = parser.parse_args()
    os.environ.setdefault("JUPYTER_PLATFORM_DIRS", "1")
    differing = 0
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = run(path)
        same = path.read_text(encoding="utf-8") == text
        print(f"{path.name}: {'same' if same else 'changed'}")
        differing += not same
        if options.write and not same:
            path.write_text(text, encoding="utf-8")
    for picture, (name, number) in PICTURES.items():
        data = picture_of(NOTEBOOKS / f"{name}.ipynb", number)
        same = picture.exists() and picture.read_bytes() == data
        print(f"{picture.name}: {'same' if same else 'changed'}")
        differing += not same
        if options.write and not same:
            picture.write_bytes(data)
    return int(options.check and differing > 0)


if __name__ == "__main__":
    sys.exit(main())
