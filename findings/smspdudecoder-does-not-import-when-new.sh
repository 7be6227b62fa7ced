#!/bin/sh
# smspdudecoder 2.2.0 requires 'bitstring>=3.1' and cannot be imported with bitstring 5.0.0, which that allows.
#
# bitstring 5 has no BitStream class any more. A fresh installation of the newest release of both fails at its import.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smspdudecoder==2.2.0 bitstring==5.0.0
expected=$(cat <<'EXPECTED'
['bitstring>=3.1']
ImportError: cannot import name 'BitStream' from 'bitstring'
EXPECTED
)
seen=$("$folder/venv/bin/python" - <<'CODE'
from importlib.metadata import requires

print([line for line in requires('smspdudecoder') if line.startswith('bitstring')])
try:
    import smspdudecoder.easy
except ImportError as error:
    print('ImportError:', str(error).split(' (')[0])
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
