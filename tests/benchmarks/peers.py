"""The environment of the Python peers: their own, never this project's."""

from __future__ import annotations

import subprocess
import venv
from collections.abc import Callable
from pathlib import Path


def peers_environment(folder: Path, requirements: Path, tell: Callable[[str], None]) -> tuple[Path | None, str]:
    """Give the environment, made when it is missing; None, and why, when it cannot be had."""
    python = folder / "bin" / "python"
    check = [str(python), "-c", "import dxf, oras.provider"]
    if python.is_file() and subprocess.run(check, capture_output=True, check=False).returncode == 0:
        return folder, ""
    if not requirements.is_file():
        return None, f"there is no {requirements}"
    tell(f"making the environment of the peers in {folder}")
    try:
        venv.create(folder, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return None, str(error)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(requirements)]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return None, (done.stderr.strip().splitlines() or ["pip failed"])[-1]
    return folder, ""
