#!/bin/sh
# gsm0338 1.1.0 drops the letter behind an escape that its extension table does not know.
#
# 3GPP TS 23.038, 6.2.1.1: a receiver without that symbol shows the character of the main default alphabet table, or a space.
# The octets 61 1B 41 62 are then `aAb`, or `a b`. The codec raises in strict mode, and in the other modes the A is lost.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check gsm0338==1.1.0
expected=$(cat <<'EXPECTED'
strict: UnicodeDecodeError
replace: a U+FFFD b
ignore: a b
EXPECTED
)
seen=$("$folder/venv/bin/python" - <<'CODE'
import gsm0338

codec, octets = gsm0338.Codec(), bytes.fromhex('611B4162')
for errors in ('strict', 'replace', 'ignore'):
    try:
        shown = ' '.join(one if one.isascii() else f'U+{ord(one):04X}' for one in codec.decode(octets, errors)[0])
    except UnicodeDecodeError as error:
        shown = type(error).__name__
    print(f'{errors}: {shown}')
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
