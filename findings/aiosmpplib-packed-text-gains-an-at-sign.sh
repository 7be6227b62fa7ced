#!/bin/sh
# aiosmpplib 0.7.4 adds an '@' to some texts that its own codec for packed septets wrote.
#
# Seven septets fill 49 bits, so seven bits of the seventh octet are left over. Seven zero bits are an '@'.
# Where the length is known in octets only, 3GPP TS 23.038 (6.1.2.3.1, USSD) has the writer put a carriage return there.
# SMPP counts octets as well. GSM7BitPackedCodec writes zeros and reads them as a character: texts of 7, 15, 23 … septets
# come back longer.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiosmpplib==0.7.4
expected=$(cat <<'EXPECTED'
'abcdef' 61f1985c3603 'abcdef'
'abcdefg' 61f1985c369f01 'abcdefg@'
'abcdefgh' 61f1985c369fd1 'abcdefgh'
'hello\u20ac' e8329bfdde9401 'hello\u20ac@'
'fifteen letters' e6b4995e2ebb41ec329d5e96cf01 'fifteen letters@'
EXPECTED
)
seen=$("$folder/venv/bin/python" - <<'CODE'
from aiosmpplib import GSM7BitPackedCodec

codec = GSM7BitPackedCodec()
for text in ('abcdef', 'abcdefg', 'abcdefgh', 'hello\u20ac', 'fifteen letters'):
    octets = codec.encode(text)[0]
    print(ascii(text), octets.hex(), ascii(codec.decode(octets)[0]))
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
