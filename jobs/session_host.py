"""One Spark session for commands that follow each other on one machine: a process that runs them in its own session.

A session of its own costs every step of a night its start and Java that has compiled nothing yet, more than the work on some
thousand firms (figures: ADR 0009). `host` starts the process and names its folder in LIUSHUI_SESSION_HOST; `python -m jobs tiles …`
then hands over its arguments and its output (`hand_over`), and runs itself as ever where there is no host. A client that ends
early ends the host with whatever it was doing, a defect of a command ends it after that command, and the next command starts its
own session: killing or retrying a step means the same with and without a host. Commands wait for each other; there is one of them
at a time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import select
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import NoReturn

import psutil

from lake.errors import LiushuiError
from lake.settings import Settings, load_settings

log = logging.getLogger(__name__)
VARIABLE = "LIUSHUI_SESSION_HOST"
COMMANDS = ("backfill", "check", "evaluate", "indicators", "samples", "score", "steps", "tiles", "train")
"""Commands that need a Spark session."""
ENDED_EARLY = 1
BEGUN = b"b"
"""Told to a client when its command begins; before that it may still run the command itself."""
START_SECONDS = 60


def _path(folder: str, settings: Settings) -> str:
    """The socket of a host for exactly these settings: another home, or other settings, find none."""
    return str(Path(folder) / hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:16])


@contextmanager
def host(settings: Settings, *, night: bool) -> Iterator[None]:
    """A host for the commands started inside the block, unless one is there already; its own output goes to run/logs.

    `night`: all of them are steps of one night.
    """
    if os.environ.get(VARIABLE):
        yield
        return
    logs = settings.folder("run") / "logs"
    logs.mkdir(exist_ok=True)
    # in the system's folder for temporary files: the path of a socket may have 107 bytes, and a home's is as long as its user likes
    with tempfile.TemporaryDirectory(prefix="liushui-") as folder, (logs / "session.log").open("w") as out:
        path = _path(folder, settings)
        env = {**os.environ, "LIUSHUI_PROFILE": settings.profile, "LIUSHUI_HOME": str(settings.home)}
        command = [sys.executable, "-m", "jobs.session_host", path, "night" if night else "all"]
        # a session of its own: Ctrl-C is for the starter, which ends the host by its standard input
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )  # fmt: skip
        assert process.stdin is not None
        try:
            _wait(process, path, logs / "session.log")
            os.environ[VARIABLE] = folder
            yield
        finally:
            os.environ.pop(VARIABLE, None)
            process.stdin.close()  # a host ends with its standard input, so also when this process is killed
            process.wait()


def _wait(process: subprocess.Popen[bytes], path: str, log_file: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not Path(path).exists():
        if process.poll() is not None or time.monotonic() > until:
            raise LiushuiError(f"the process that keeps the Spark session did not start; see {log_file}")
        time.sleep(0.05)


def hand_over(arguments: list[str]) -> int | None:
    """Exit code of a command run by the host; None when this process must run it: there is no host, or it needs none."""
    folder = os.environ.get(VARIABLE)
    if not folder or not arguments or arguments[0] not in COMMANDS:
        return None
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        try:
            s.connect(_path(folder, load_settings()))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        answer = b""
        try:
            socket.send_fds(s, [json.dumps(arguments).encode()], [1, 2])
            if s.recv(1) != BEGUN:
                return None  # the host ended before this command was its turn
            answer = s.recv(16)
        except (ConnectionResetError, BrokenPipeError):
            return None
    if not answer:
        log.error("the process that keeps the Spark session ended during this command, see run/logs/session.log; a rerun starts its own")
    return int(answer or ENDED_EARLY)


def _end() -> NoReturn:
    """End this process now, and all that it has started: Java, and processes of a step."""
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(ENDED_EARLY)


def _end_with(other_side: socket.socket | int, done: threading.Event) -> None:
    """End this process when the other side goes away before `done`."""
    while not done.is_set():
        try:
            gone = select.select([other_side], [], [], 0.2)[0]
        except ValueError:
            return  # closed meanwhile: the command is done
        if gone and not done.is_set():
            _end()


@contextmanager
def _output(stdout: int, stderr: int) -> Iterator[None]:
    """Standard output and error of this process are those given, for as long as the block runs."""
    own = os.dup(1), os.dup(2)
    for number, fd in ((1, stdout), (2, stderr)):
        os.dup2(fd, number)
        os.close(fd)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, fd in zip((1, 2), own, strict=True):
            os.dup2(fd, number)
            os.close(fd)


def serve(listener: socket.socket, start: Callable[[], None], run: Callable[[list[str]], int]) -> None:
    """Run the commands of clients, one after another, each with its client's output; never returns.

    `start` comes before each of them, with the output of this process: Java keeps what it starts with open, and who reads a
    client's output to its end would wait for Java's. A defect ends its command as it would end a process of its own, with a
    traceback and exit code 1, and this process after it: the session may be what is broken.
    """
    threading.Thread(target=_end_with, args=(0, threading.Event()), daemon=True).start()
    while True:
        client, _ = listener.accept()
        done = threading.Event()
        with client:
            request, given, _, _ = socket.recv_fds(client, 1 << 16, 2)
            threading.Thread(target=_end_with, args=(client, done), daemon=True).start()
            start()
            client.sendall(BEGUN)
            defect = False
            with _output(*given):
                try:
                    code = run(json.loads(request))
                except Exception:
                    sys.excepthook(*sys.exc_info())
                    code, defect = ENDED_EARLY, True
            done.set()
            client.sendall(str(code).encode())
        if defect:
            _end()


def main(path: str, kind: str) -> None:
    """Listen at `path`, start the session ("night": one for the steps of a night) and serve.

    Commands that come meanwhile wait; where the session does not start, the process ends and they run, and fail, by themselves.
    """
    # its helper process keeps what it starts with open, like Java
    resource_tracker.ensure_running()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(16)
        from jobs.__main__ import setup_logging
        from jobs.cli import run_command
        from jobs.steps import keep_session

        setup_logging()

        def start() -> None:
            keep_session(load_settings(), night=kind == "night")

        start()
        serve(listener, start, run_command)


if __name__ == "__main__":
    main(*sys.argv[1:])
