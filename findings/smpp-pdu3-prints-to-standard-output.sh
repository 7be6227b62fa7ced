#!/bin/sh
# smpp.pdu3 0.6 prints one character to standard output each time that it parses an SMPP time.
#
# The character is the last one of the time: '+', '-' or 'R'. A program that writes data to standard output mixes them in.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpp.pdu3==0.6
expected=$(cat <<'EXPECTED'
before
R
after
EXPECTED
)
seen=$("$folder/venv/bin/python" - <<'CODE'
from smpp.pdu import smpp_time

print('before')
parsed = smpp_time.parse('261201101500000R')
print('after')
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
