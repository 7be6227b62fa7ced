#!/bin/sh
# smpplib 2.2.4 splits a long message by bytes, not by characters.
#
# 3GPP TS 23.038 writes the euro sign as two septets, 1B 65, and a part of a concatenated message holds 153 septets.
# make_parts() ends the first part with 1B and begins the second one with 65. A handset that decodes each part by
# itself shows a blank and an 'e'. The same happens to a surrogate pair in UCS-2: D83D ends a part, DE00 begins one.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpplib==2.2.4
expected=$(cat <<'EXPECTED'
3 parts: 6161..611b 6561..6161 61..0361
2 parts: 0436..d83d de00..0436
EXPECTED
)
seen=$("$folder/venv/bin/python" - <<'CODE'
from smpplib.gsm import make_parts

HEADER = 6  # octets of the user data header before each part
for text in ('a' * 152 + '\u20ac' + 'a' * 153, '\u0436' * 66 + '\U0001f600' + '\u0436' * 66):
    parts, _, _ = make_parts(text)
    print(len(parts), 'parts:', *[f'{part[HEADER:][:2].hex()}..{part[-2:].hex()}' for part in parts])
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
