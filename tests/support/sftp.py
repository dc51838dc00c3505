"""An SFTP server on 127.0.0.1 that serves one folder, read only; any user may enter with the PASSWORD."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko

PASSWORD = "kaimen"


class _Door(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Folder(paramiko.SFTPServerInterface):
    def __init__(self, server: paramiko.ServerInterface, *args: object, root: Path, **kwargs: object) -> None:
        super().__init__(server, *args, **kwargs)
        self._root = root

    def _real(self, path: str) -> str:
        return str(self._root) + self.canonicalize(path)

    def list_folder(self, path: str):  # type: ignore[no-untyped-def]
        real = self._real(path)
        if not os.path.isdir(real):
            return paramiko.SFTP_NO_SUCH_FILE
        return [paramiko.SFTPAttributes.from_stat(os.lstat(os.path.join(real, n)), n) for n in os.listdir(real)]

    def stat(self, path: str):  # type: ignore[no-untyped-def]
        try:
            return paramiko.SFTPAttributes.from_stat(os.stat(self._real(path)))
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno)

    lstat = stat

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes):  # type: ignore[no-untyped-def]
        if flags & (os.O_WRONLY | os.O_RDWR):
            return paramiko.SFTP_PERMISSION_DENIED
        try:
            handle = paramiko.SFTPHandle(flags)
            handle.readfile = open(self._real(path), "rb")  # noqa: SIM115 the handle closes it
        except OSError as e:
            return paramiko.SFTPServer.convert_errno(e.errno)
        return handle


@contextmanager
def sftp_server(root: Path) -> Iterator[int]:
    """Serve `root` for as long as the block runs; yields the port."""
    key = paramiko.RSAKey.generate(2048)
    transports: list[paramiko.Transport] = []

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Folder, root=root)
            transports.append(transport)
            transport.start_server(server=_Door())

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(5)
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
    for transport in transports:
        transport.close()
