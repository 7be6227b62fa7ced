#!/bin/sh
# python-gsmmodem-new 0.13.0 raises ValueError for a text with a character beyond U+FFFF.
#
# Handsets send and show such characters as UTF-16 surrogate pairs in UCS-2 messages. encodeSmsSubmitPdu() writes each
# character as two octets of its code point, and fails where that is larger than 65535.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-gsmmodem-new==0.13.0
expected=$(cat <<'EXPECTED'
'\u0436' 1 PDU
'\U0001f44d' ValueError: byte must be in range(0, 256)
EXPECTED
)
seen=$("$folder/venv/bin/python" - <<'CODE'
from gsmmodem import pdu

for text in ('\u0436', '\U0001f44d'):
    try:
        print(ascii(text), len(pdu.encodeSmsSubmitPdu('+15550100001', text)), 'PDU')
    except ValueError as error:
        print(ascii(text), 'ValueError:', error)
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
