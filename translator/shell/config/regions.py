"""Reads national phone numbers with libphonenumber, which is the extra `numbers`."""

import importlib
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from translator.core.errors import ConfigError

_KNOWN = 4096
"""The number of cached numbers. Parsing one takes as long as translating ten messages."""


def national_in(region: str, where: str) -> Callable[[str], str | None]:
    """Return a parser for the numbers of a region such as `AU`, also with the international prefix 00. Raises ConfigError.

    The parser returns the number in E.164 form, or None if the digits are no valid number.
    """
    try:
        library: Any = importlib.import_module("phonenumbers")
    except ImportError:
        raise ConfigError(where, "needs the extra numbers: pip install 'sms-translator[numbers]'") from None
    if region not in library.SUPPORTED_REGIONS:
        raise ConfigError(where, "has to be a country by its two capital letters, such as AU")
    return _reader(library, region)


@cache
def _reader(library: Any, region: str) -> Callable[[str], str | None]:
    def parsed(value: str) -> str | None:
        try:
            number = library.parse(value, region)
        except library.NumberParseException:
            return None
        if not library.is_valid_number(number):
            return None
        return str(library.format_number(number, library.PhoneNumberFormat.E164))

    @lru_cache(_KNOWN)
    def national(digits: str) -> str | None:
        found = parsed(digits)
        return parsed(f"+{digits[2:]}") if found is None and digits[:2] == "00" else found

    return national
