"""`make bench`: prints each figure beside its peer and what must hold, and exits 1 where something does not."""

import sys

import msgspec

from bench import durable, lists, peers, translate


def verdict(name: str, value: float, must: float, *, at_least: bool = False) -> bool:
    """Say whether a figure is what it must be."""
    good = value >= must if at_least else value <= must
    bound = "at least" if at_least else "at most"
    print(f"  {name:8} {value:12,.2f}, must be {bound} {must:,}: {'holds' if good else 'DOES NOT HOLD'}")
    return good


def main() -> int:
    found = translate.measure()
    print(
        f"translating a list of {found['messages']:.0f} messages, JSON bytes to JSON bytes, decode and encode included"
    )
    print(f"  product  {found['product_us_a_message']:12.2f} us a message")
    print(f"  by hand  {found['by_hand_us_a_message']:12.2f} us a message")
    good = [verdict("ratio", found["ratio"], translate.MUST)]
    whole = lists.measure()
    print(f"a list of {whole['rows']:,.0f} messages with texts of 160 characters that was read whole")
    good.append(verdict("bytes", whole["bytes"], lists.MUST_BYTES))
    good.append(verdict("reckoned", whole["bytes"] / whole["bytes_reckoned"], 1.0))
    print("time to sift and sort it beside the time to decode it")
    good.append(verdict("ratio", whole["ratio"], lists.MUST_RATIO))
    kept, claimed = durable.registrations(), durable.claiming()
    print("sends with a callback, a second, beside the same sends without one, over HTTP, on SQLite")
    print(f"  with one {kept['with_callback']:12,.0f}, without {kept['without']:,.0f}")
    good.append(verdict("ratio", kept["ratio"], durable.MUST_REGISTER, at_least=True))
    print(f"a claim with {claimed['tracked']:,.0f} messages tracked beside the same claim with {durable.DUE:,}")
    good.append(verdict("ratio", claimed["ratio"], durable.MUST_CLAIM))
    beside = peers.measure()
    print("a request beside an ordinary shim, 16 clients: CPU in us, requests a second, p99 of a send in ms, peak MB")
    for name, row in beside.items():
        figures = ("send_us", "send_per_second", "send_p99_ms", "get_us", "get_per_second", "peak_mb")
        print(f"  {name:24}" + "".join(f" {what} {row[what]:8,.0f}" for what in figures))
    shim = beside[peers.SHIM]["send_us"]
    good.append(verdict("memory:", shim / beside["product, memory:"]["send_us"], peers.MUST_SEND_CPU, at_least=True))
    good.append(verdict("SQLite", shim / beside["product, SQLite"]["send_us"], peers.MUST_DURABLE_CPU, at_least=True))
    print(
        msgspec.json.encode(
            {"peers": beside, "translate": found, "lists": whole, "durable": kept, "claims": claimed}
        ).decode()
    )
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
