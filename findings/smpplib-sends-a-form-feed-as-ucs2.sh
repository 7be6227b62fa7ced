#!/bin/sh
# smpplib 2.2.4 does not know the form feed, 1B 0A in the extension table of 3GPP TS 23.038 (6.2.1.1).
#
# A text of 80 form feeds takes 160 septets, one message. smpplib writes it as UCS-2 (data_coding 8) in two parts.
# smsutil 1.1.3 counts one part for the same text.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check smpplib==2.2.4 smsutil==1.1.3
expected=$(cat <<'EXPECTED'
smpplib: 2 parts, data_coding 8
smsutil: 1 part
euro in smpplib: data_coding 0
EXPECTED
)
seen=$("$folder/venv/bin/python" - <<'CODE'
import smsutil
from smpplib.gsm import make_parts

text = '\f' * 80
parts, data_coding, _ = make_parts(text)
print('smpplib:', len(parts), 'parts, data_coding', data_coding)
print('smsutil:', len(smsutil.split(text).parts), 'part')
print('euro in smpplib: data_coding', make_parts('\u20ac')[1])
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
