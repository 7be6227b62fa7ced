#!/bin/sh
# sms-counter 0.0.1 (Python) counts the characters of a UCS-2 text by code points, although a message holds 70 code units.
#
# A character beyond U+FFFF takes two code units in the user data (3GPP TS 23.038, 4: 16 bits each). 70 of them are 140 units, three
# parts of 67 units at most. The package counts one part, so a bill is a third of the true one. smsutil 1.1.3 counts three.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sms-counter==0.0.1 pydantic==2.14.4 smsutil==1.1.3
expected=$(cat <<'EXPECTED'
36 characters: sms-counter 1, smsutil 2
70 characters: sms-counter 1, smsutil 3
EXPECTED
)
seen=$("$folder/venv/bin/python" -W ignore - <<'CODE'
import smsutil
from sms.counter import SMSCounter

for many in (36, 70):
    text = '\U0001F4E8' * many
    print(f'{many} characters: sms-counter {SMSCounter().count(text).segment}, smsutil {len(smsutil.split(text).parts)}')
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
