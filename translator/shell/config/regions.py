"""Numbers of one country, as people there write them: read with libphonenumber, which is the extra `numbers`."""

import importlib
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

from translator.core.errors import ConfigError

_KNOWN = 4096
"""How many numbers are known again: to read one takes as long as to translate ten messages."""


def national_in(region: str, where: str) -> Callable[[str], str | None]:
    """Reads digits as a number of a region such as `AU`, or with the 00 of a call abroad: the number with its plus, None for what is
    none. Raises ConfigError."""
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
