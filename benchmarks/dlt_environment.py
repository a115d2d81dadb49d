"""The environment of dlt: apart from the product's, whose lock has no place for what is only measured against."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements-dlt.txt"
ENVIRONMENT = HERE / ".venv-dlt"


class NoEnvironment(Exception):
    """It could not be made; the message says why."""


def dlt_python() -> str:
    """The interpreter of the environment, made on first use and again when its lock has changed. Raises NoEnvironment."""
    python, stamp = ENVIRONMENT / "bin" / "python", ENVIRONMENT / ".installed"
    wanted = sha256(REQUIREMENTS.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        quiet = [
            "-qq",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "-r",
            str(REQUIREMENTS),
        ]
        for command in (
            [sys.executable, "-m", "venv", str(ENVIRONMENT)],
            [str(python), "-m", "pip", "install", *quiet],
        ):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                told = (done.stderr or done.stdout).strip().splitlines()
                raise NoEnvironment(told[-1] if told else f"{command[0]} ended with {done.returncode}")
        stamp.write_text(wanted)
    return str(python)


def dlt_version() -> str:
    """As the lock of the environment says; it is not installed where this runs."""
    return re.search(r"^dlt==(\S+)", REQUIREMENTS.read_text(encoding="utf-8"), re.M)[1]
