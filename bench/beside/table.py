"""The figures as Markdown: a table a cell, a description of the run, and the verdicts."""

from collections.abc import Iterator
from typing import Any

from bench.beside.musts import Verdict, ratio
from bench.beside.peers import MEMORY, PEERS, SQLITE
from bench.beside.run import CELLS, Cell


def _cell(found: dict[str, Any], cell: Cell) -> Iterator[str]:
    yield f"\n### {cell.name}\n"
    yield "| peer | requests/s | product to it | p50, us | p99, us | CPU, us | its CPU to the product's | asks | errors |"
    yield "| --- |" + " --: |" * 8
    for name, peer in found["peers"].items():
        figures = peer["cells"].get(cell.name)
        if figures is None:
            continue
        faster = cheaper = "-"
        if MEMORY in found["peers"]:
            faster = f"{ratio(found, 'per_second', (MEMORY, cell.name), (name, cell.name)):.2f}"
            cheaper = f"{ratio(found, 'cpu_us', (name, cell.name), (MEMORY, cell.name)):.2f}"
        yield (
            f"| {name} | {figures['per_second']:,.0f} | {faster} | {figures['p50_us']:,.0f} | {figures['p99_us']:,.0f} "
            f"| {figures['cpu_us']:,.1f} | {cheaper} | {figures['asks']:.2f} | {figures['errors']:,} |"
        )
        if name == SQLITE:
            yield f"| (the disk itself: 4 KiB and fsync) | {found['fsyncs_per_second']:,.0f} |" + " |" * 7


def _run(found: dict[str, Any]) -> Iterator[str]:
    yield "\n### The run\n"
    on = found["machine"]
    yield f"Python {on['python']}, Linux {on['kernel']}, {on['processors']} processors."
    yield f"{found['rounds']} rounds of {found['seconds']:g} s a cell. Medians over rounds, the least CPU, ratios of each round's own."
    did = ", ".join(f"{kind} {rate:,.0f}" for kind, rate in found["alone"].items())
    yield f"\nLoad and stub with no proxy between them, on their one processor, requests/s: {did}."
    cost = found["translation"]
    yield (
        f"\nTranslating 1,000 messages: {cost['product_us_a_message']:.2f} us a message, typed decode and encode alone "
        f"{cost['alone_us_a_message']:.2f}."
    )
    flight = found.get("in_flight")
    if flight is not None:
        yield (
            f"\n{flight['sends']:,} sends in flight: {flight['at_the_provider']:,} at the provider at the same time, answered "
            f"{flight['statuses']}, {flight['errors']:,} errors, {flight['seconds']:.1f} s, peak {flight['peak_mb']:.0f} MB."
        )
    yield "\n| peer | what it does | peak memory, MB |\n| --- | --- | --: |"
    for name, peer in found["peers"].items():
        yield f"| {name} | {PEERS[name].does} | {peer['peak_mb']:.0f} |"
    for name, why in found["skipped"].items():
        yield f"| {name} | SKIPPED: {why} | |"


def _verdicts(verdicts: list[Verdict]) -> Iterator[str]:
    yield "\n### What must hold\n"
    yield "| what | is | must | aim | |"
    yield "| --- | --: | --: | --: | --- |"
    for must, value, _, says in verdicts:
        bound = "≥" if must.more else "≤"
        shown = "-" if value is None else f"{value:,.2f}"
        yield f"| {must.name} | {shown} | {bound} {must.must:,} | {bound} {must.aim:,} | {says} |"


def lines(found: dict[str, Any], verdicts: list[Verdict]) -> Iterator[str]:
    """Everything that there is to print."""
    yield "## The product beside its peers"
    for cell in CELLS:
        yield from _cell(found, cell)
    yield from _run(found)
    yield from _verdicts(verdicts)
