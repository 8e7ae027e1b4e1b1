"""Run every notebook anew and keep it, or check that what is kept is what comes out.

``python .ci/notebooks.py --write`` executes the notebooks and stores their outputs, without anything that depends on
the day or the machine; ``--check`` fails where a stored notebook differs from that by a byte.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


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
    return int(options.check and differing > 0)


if __name__ == "__main__":
    sys.exit(main())
