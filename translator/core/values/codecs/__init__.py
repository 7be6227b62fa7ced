"""Codecs: the read and the write of each value form. Mapping tables call a codec a kind.

A mapping table names a kind in its `kind` cells. To add one, write the pair beside its like and list it in `KINDS`. The kinds `word:*` and
`error:*` read and write by the rows of the table itself. `translator.core.values.vocabulary` has them.
"""

from typing import Final

from translator.core.values.codecs import days, instants, numbers, plain, sids
from translator.core.values.codecs.codec import Codec

KINDS: Final[dict[str, Codec]] = {
    "text": Codec(
        plain.read_text,
        plain.write_same,
        plain.TEXT,
        "a text",
        decoded=True,
        mend=plain.mend_text,
        blank="",
    ),
    "count": Codec(
        plain.read_count,
        plain.write_same,
        plain.COUNT,
        "a whole number, 0 or more",
        decoded=True,
        mend=plain.mend_count,
    ),
    "flag": Codec(plain.read_flag, plain.write_same, bool, "true or false", decoded=True, mend=plain.mend_flag),
    "method": Codec(plain.read_method, plain.write_same, str, "GET or POST"),
    "address": Codec(plain.read_address, plain.write_same, str, "an absolute http or https address"),
    "instant:epoch": Codec(
        instants.read_epoch,
        plain.write_same,
        instants.EPOCH,
        "whole seconds since the epoch",
        decoded=True,
        mend=instants.mend,
    ),
    "instant:rfc2822-unpadded": Codec(
        instants.read_rfc2822,
        instants.RFC2822_UNPADDED.write,
        str,
        "RFC 2822 with an unpadded day, always +0000",
        clock=instants.RFC2822_UNPADDED,
        harmless=True,
        mend=instants.mend_by(instants.RFC2822_UNPADDED),
    ),
    "instant:iso8601-millis": Codec(
        instants.read_iso8601_whole,
        instants.ISO8601_MILLIS.write,
        str,
        "ISO 8601 with milliseconds and Z",
        clock=instants.ISO8601_MILLIS,
        harmless=True,
        mend=instants.mend_by(instants.ISO8601_MILLIS),
    ),
    "instant:iso8601": Codec(
        instants.read_bound, instants.write_iso8601, str, "an ISO 8601 date or date and time, UTC"
    ),
    "instant:iso8601-day": Codec(
        days.read_day, instants.write_iso8601, str, "an ISO 8601 date; the midnight before that day", step=days.DAY
    ),
    "instant:iso8601-next-day": Codec(
        instants.read_iso8601_next_day,
        days.write_next_day,
        str,
        "an ISO 8601 date; the midnight after that day",
        step=days.DAY,
    ),
    "number:bare": Codec(
        numbers.read_number,
        numbers.write_bare,
        str,
        "a number without its plus",
        numbers.repair_plus,
        column=numbers.BARE,
        shown=numbers.shown_bare,
        mend=numbers.mend_number,
        blank="",
    ),
    "number:plus": Codec(
        numbers.read_number,
        numbers.write_plus,
        str,
        "a number with its plus",
        numbers.repair_plus,
        column=numbers.PLUS,
        shown=numbers.shown_plus,
        mend=numbers.mend_number,
        blank="",
    ),
    "sid:prefixed": Codec(
        sids.read_prefixed,
        sids.write_prefixed,
        str,
        "SM and the provider's SID",
        inline=sids.PREFIXED,
        harmless=True,
        shown=sids.read_own_prefixed,
        mend=sids.mend_sid,
        own=sids.write_own_prefixed,
    ),
    "sid:base32": Codec(
        sids.read_base32,
        sids.write_base32,
        str,
        "32 characters, the first one M",
        column=sids.BASE32,
        harmless=True,
        mend=sids.mend_sid,
    ),
}
"""Every kind that does not depend on a table, by the name that tables use."""

__all__ = ["KINDS", "Codec"]
