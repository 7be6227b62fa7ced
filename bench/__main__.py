"""`make bench`: prints each figure beside its peer and what must hold, and exits 1 where something does not."""

import sys

import msgspec

from bench import translate


def main() -> int:
    found = translate.measure()
    print(
        f"translating a list of {found['messages']:.0f} messages, JSON bytes to JSON bytes, decode and encode included"
    )
    print(f"  product  {found['product_us_a_message']:6.2f} us a message")
    print(f"  by hand  {found['by_hand_us_a_message']:6.2f} us a message")
    good = found["ratio"] <= translate.MUST
    print(f"  ratio    {found['ratio']:6.2f}, must be at most {translate.MUST}: {'holds' if good else 'DOES NOT HOLD'}")
    print(msgspec.json.encode({"translate": found}).decode())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
