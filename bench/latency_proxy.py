"""A longer way to the database: everything that passes takes some milliseconds more, and the journeys are counted.

It listens on a Unix socket in a folder of its own, so that it is named as PostgreSQL is, and runs in a process of its
own. What a connection sends is on its way while what it sent before still is: nothing waits for anything else.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import selectors
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"


@dataclass(frozen=True)
class Wire:
    url: str
    counter: Any  # a number in memory that both processes see

    @property
    def journeys(self) -> int:
        """How often somebody spoke to the database after having heard from it."""
        return int(self.counter.value)


class End(asyncio.Protocol):
    """One end of a connection: what arrives here leaves at the other end, later."""

    def __init__(self, delay: float, counter: Any = None) -> None:
        self.delay, self.counter = delay, counter
        self.other: End | None = None
        self.transport: asyncio.Transport | None = None
        self.spoke = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        if self.counter is not None and not self.spoke:  # only this process writes it
            self.counter.value += 1
        self.spoke = True
        asyncio.get_running_loop().call_later(self.delay, self.other.send, data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.other and self.other.transport:
            asyncio.get_running_loop().call_later(self.delay, self.other.transport.close)

    def send(self, data: bytes) -> None:
        if self.transport and not self.transport.is_closing():
            self.transport.write(data)
            self.spoke = False  # it has heard an answer


class Client(End):
    """The end at the application: what it says waits until the database has been reached."""

    def __init__(self, delay: float, counter: Any, target: str) -> None:
        super().__init__(delay, counter)
        self.target = target

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self.reaching = asyncio.ensure_future(self.reach())

    async def reach(self) -> None:
        assert self.transport is not None
        self.other = other = End(self.delay)
        other.other = self
        await asyncio.get_running_loop().create_unix_connection(lambda: other, self.target)
        self.transport.resume_reading()


def carry(path: str, target: str, delay: float, counter: Any, ready: Any) -> None:
    """The process: for ever."""

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_unix_server(lambda: Client(delay, counter, target), path)
        Path(path).chmod(0o777)
        ready.set()
        await server.serve_forever()

    # select() waits for microseconds; epoll for whole milliseconds, which is too much for a delay of a few.
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(serve())


@contextmanager
def longer_way(url: str, folder: Path, milliseconds: float) -> Iterator[Wire]:
    """A way to this database with that much more of a round trip."""
    (sockets,) = parse_qs(urlsplit(url).query)["host"]
    folder.mkdir(mode=0o755)
    spawn = multiprocessing.get_context("spawn")
    counter, ready = spawn.Value("Q", 0, lock=False), spawn.Event()
    arguments = (str(folder / SOCKET), f"{sockets}/{SOCKET}", milliseconds / 2000, counter, ready)
    process = spawn.Process(target=carry, args=arguments, daemon=True)
    process.start()
    if not ready.wait(30):
        raise TimeoutError("the longer way to the database did not open")
    try:
        yield Wire(urlsplit(url)._replace(query=f"host={folder}").geturl(), counter)
    finally:
        process.terminate()
        process.join(30)
