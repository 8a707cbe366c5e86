"""A proxy in front of PostgreSQL that makes each round trip some milliseconds longer and counts round trips.

It does not wait for an answer before it forwards more: the statements of a pipeline are delayed once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"


class LatencyProxy:
    def __init__(self, url: str, folder: Path, milliseconds: float) -> None:
        (target_folder,) = parse_qs(urlsplit(url).query)["host"]
        self.url = urlsplit(url)._replace(query=f"host={folder}").geturl()
        self.path, self.target = folder / SOCKET, f"{target_folder}/{SOCKET}"
        self.delay = milliseconds / 2000  # seconds, one way
        self.round_trips = 0
        # epoll waits for whole milliseconds, which is too coarse for this delay; select for microseconds.
        self.loop = asyncio.SelectorEventLoop(selectors.SelectSelector())

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        database_reader, database_writer = await asyncio.open_unix_connection(self.target)
        has_answer = asyncio.Event()
        has_answer.set()

        def count_round_trip() -> None:
            self.round_trips += has_answer.is_set()
            has_answer.clear()

        await asyncio.gather(
            self.forward(reader, database_writer, count_round_trip),
            self.forward(database_reader, writer, lambda: self.loop.call_later(self.delay, has_answer.set)),
        )

    async def forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_data: Callable[[], object]
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(2**16):
                on_data()
                self.loop.call_later(self.delay, writer.write, data)
        self.loop.call_later(self.delay, writer.close)


@contextmanager
def latency_proxy(url: str, folder: Path, milliseconds: float) -> Iterator[LatencyProxy]:
    """Run a proxy for this database in a thread."""
    folder.mkdir()
    proxy = LatencyProxy(url, folder, milliseconds)
    proxy.loop.run_until_complete(asyncio.start_unix_server(proxy.connect, proxy.path))
    thread = Thread(target=proxy.loop.run_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.loop.call_soon_threadsafe(proxy.loop.stop)
        thread.join()
