"""What a command takes: wall seconds, and the peak memory of it and of every process it starts."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
EVERY = 0.5


@dataclass(frozen=True)
class Taken:
    """Wall seconds, peak of the memory of all its processes together (pages shared between them counted once), standard output."""

    seconds: float
    peak_mb: int
    out: str


def _memory(root: psutil.Process) -> int:
    """Proportional set size of a process and its descendants, in bytes."""
    total = 0
    for p in [root, *root.children(recursive=True)]:
        try:
            rollup = Path(f"/proc/{p.pid}/smaps_rollup").read_text(encoding="ascii")
        except (OSError, psutil.Error):
            continue  # it has just ended
        total += next((int(x.split()[1]) * 1024 for x in rollup.splitlines() if x.startswith("Pss:")), 0)
    return total


def run(*command: str, home: Path) -> Taken:
    """Run `python -m command` on a home; ends this program with its output when it fails."""
    started, peak = time.monotonic(), 0
    env = os.environ | {"LIUSHUI_HOME": str(home)}
    done = subprocess.Popen([sys.executable, "-m", *command], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    found: list[tuple[str, str]] = []
    reader = threading.Thread(target=lambda: found.append(done.communicate()))
    reader.start()
    root = psutil.Process(done.pid)
    while reader.is_alive():
        with contextlib.suppress(psutil.NoSuchProcess):
            peak = max(peak, _memory(root))
        reader.join(EVERY)
    out, err = found[0]
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}\n{out[-2000:]}\n{err[-4000:]}")
    return Taken(time.monotonic() - started, peak // 2**20, out)
