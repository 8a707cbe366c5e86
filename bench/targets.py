"""The bar: what the site has to reach, beside what was measured."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from bench.contestants.servers import FASTAPI, FLOOR_GTHREAD, FLOOR_SYNC, SITE_GTHREAD, SITE_SYNC
from bench.contestants.servers import USUAL as USUAL_DJANGO
from bench.database import FEW, MANY, MOST, USUAL
from bench.load import Round
from bench.measurements import SOAK, Export, Rounds, middle

TIMED = ("list", "create", "detail", "edit", "delete")


@dataclass
class Findings:
    """All that one run has measured, by contestant where there are several."""

    actions: dict[str, Rounds] = field(default_factory=dict)  # by action
    latencies: dict[int, dict[str, list[Round]]] = field(default_factory=dict)  # of the site, by connections and action
    growth: Rounds = field(default_factory=dict)  # of the site, by page
    searches: Rounds = field(default_factory=dict)  # of the site, by words
    throughput: dict[str, dict[int, float]] = field(default_factory=dict)  # lists a second, by tasks owned
    journeys: dict[str, dict[str, float]] = field(default_factory=dict)  # by contestant and action
    far: Rounds = field(default_factory=dict)
    round_trip: float = 0  # milliseconds, of those
    sizes: dict[str, tuple[str, int]] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)  # MB, of the largest process
    soaked: list[float] = field(default_factory=list)  # MB
    first_byte: float = 0
    export: Export | None = None


@dataclass(frozen=True)
class Line:
    what: str
    bar: str
    measured: str
    is_met: bool


@dataclass(frozen=True)
class Ratio:
    """Of rounds that were played side by side: the median, the least and the most."""

    middle: float
    least: float
    most: float

    @classmethod
    def of(cls, rounds: list[Round], others: list[Round], figure: str = "per_second") -> Ratio:
        ratios = [getattr(one, figure) / getattr(other, figure) for one, other in zip(rounds, others, strict=True)]
        return cls(median(ratios), min(ratios), max(ratios))

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.least:.2f} to {self.most:.2f})"


def at_least(what: str, ratio: Ratio, least: float, beside: str) -> Line:
    return Line(what, f"≥ {least:.2f} x {beside}", str(ratio), ratio.middle >= least)


def lines(found: Findings) -> Iterator[Line]:
    yield from lines_of_ratios(found)
    yield from lines_of_latencies(found)
    yield from lines_of_growth(found)
    yield from lines_of_database(found)
    yield from lines_of_bytes(found)


def lines_of_ratios(found: Findings) -> Iterator[Line]:
    lists = found.actions["list"]
    site = lists[SITE_GTHREAD]
    yield at_least("list, 50 tasks, on gthread", Ratio.of(site, lists[FLOOR_GTHREAD]), 0.4, "the floor on gthread")
    yield at_least("list, 50 tasks, on sync", Ratio.of(lists[SITE_SYNC], lists[FLOOR_SYNC]), 0.4, "the floor on sync")
    yield at_least("list, 50 tasks", Ratio.of(site, lists[FASTAPI]), 1.8, "FastAPI")
    yield at_least("list, 50 tasks", Ratio.of(site, lists[USUAL_DJANGO]), 6, "usual Django")
    for action in ("create", "status", "edit"):
        rounds = found.actions[action]
        ratio = Ratio.of(rounds[SITE_GTHREAD], rounds[FLOOR_GTHREAD])
        yield at_least(f"{action}, with its entry in the journal", ratio, 0.35, "the floor on gthread")


def lines_of_latencies(found: Findings) -> Iterator[Line]:
    for connections, limit in ((8, 50), (64, 500)):
        p95 = {action: middle(found.latencies[connections][action], "p95") for action in TIMED}
        said = ", ".join(f"{'read' if action == 'detail' else action} {ms:.0f}" for action, ms in p95.items())
        yield Line(f"p95 at {connections} connections", f"< {limit} ms", f"{said} ms", max(p95.values()) < limit)


def lines_of_growth(found: Findings) -> Iterator[Line]:
    pages = dict(found.growth)
    few, usual, most = (pages[f"{owned:,}"] for owned in (FEW, USUAL, MOST))
    (deep,) = (name for name in pages if name.startswith("page"))
    ratio, of_50 = Ratio.of(most, few, "p50"), Ratio.of(most, usual, "p50")
    yield Line(
        f"first page with {MOST:,} tasks / with {FEW}",
        "≤ 1.15",
        f"{ratio}; with {FEW} there are 8 rows on it and not 50: beside {USUAL} tasks {of_50}",
        ratio.middle <= 1.15,
    )
    ratio = Ratio.of(pages[deep], most, "p50")
    yield Line(f"{deep} / page 1", "≤ 1.15", str(ratio), ratio.middle <= 1.15)
    p95 = {words: middle(rounds, "p95") for words, rounds in found.searches.items()}
    yield Line(
        f"search in {MANY:,} tasks, p95",
        "< 100 ms",
        ", ".join(f"{ms:.0f} ms where {words} match" for words, ms in p95.items()),
        max(p95.values()) < 100,
    )


def lines_of_database(found: Findings) -> Iterator[Line]:
    site = found.journeys[SITE_GTHREAD]
    yield Line("database round trips of a page", "≤ 2", f"list {site['list']:.1f}", site["list"] <= 2)
    writes = {action: site[action] for action in ("create", "status", "edit")}
    said = ", ".join(f"{action} {n:.1f}" for action, n in writes.items())
    yield Line("database round trips of a write with its entry", "≤ 3", said, max(writes.values()) <= 3)
    after, later = found.soaked
    grown = later - after
    yield Line(
        f"memory of a worker after {SOAK:,} requests, and its growth over the next {SOAK:,}",
        "< 75 MB, none",
        f"{after:.1f} MB, {grown:+.1f} MB",
        after < 75 and grown < 1,  # MB: so much comes and goes
    )
    ratio = Ratio.of(found.far[SITE_GTHREAD], found.far[FASTAPI])
    yield at_least(f"list at a round trip of {found.round_trip:.1f} ms to the database", ratio, 1.6, "FastAPI")


def lines_of_bytes(found: Findings) -> Iterator[Line]:
    said = "; ".join(f"{how} {size:,} B to who accepts “{accepted}”" for accepted, (how, size) in found.sizes.items())
    _how, size = next(iter(found.sizes.values()))
    yield Line("list of 50 tasks over the wire, to a browser", "< 6,000 B", said, size < 6000)
    export = found.export
    assert export is not None
    yield Line(
        f"export of {export.tasks:,} tasks",
        "streamed, < 100 MB, first byte < 200 ms",
        f"{'streamed' if export.is_streamed else 'not streamed'}, {export.memory:.0f} MB, first byte after"
        f" {found.first_byte:.0f} ms; {export.megabytes:.0f} MB in {export.seconds:.0f} s",
        export.is_streamed and export.memory < 100 and found.first_byte < 200,
    )


def table(found: Findings) -> Iterator[str]:
    yield "| what | bar | measured | met |"
    yield "|---|---|---|---|"
    for line in lines(found):
        yield f"| {line.what} | {line.bar} | {line.measured} | {'yes' if line.is_met else '**no**'} |"
