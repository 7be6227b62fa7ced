#!/bin/sh
# The absolute time of SMPP 3.4 (7.1.1) gives the offset from UTC in quarters of an hour, from 00 to 48: twelve hours.
#
# Tonga (+13:00), Samoa (+13:00) and Kiribati (+14:00) are beyond that, and so is New Zealand in summer. A gateway there
# has to convert to UTC first. smpp.pdu3 0.6 raises ValueError for such an aware datetime.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpp.pdu3==0.6
expected=$(cat <<'EXPECTED'
-12 260102030405048-
12 260102030405048+
13 ValueError: time difference must be 0-48
EXPECTED
)
seen=$("$folder/venv/bin/python" - <<'CODE'
import contextlib
import io
from datetime import datetime, timedelta, timezone

from smpp.pdu import smpp_time

for hours in (-12, 12, 13):
    aware = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=hours)))
    try:
        print(hours, smpp_time.unparse(aware).decode())
    except ValueError as error:
        print(hours, 'ValueError:', error)
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
