#!/bin/sh
# node-pdu 2.1.1 splits a text by its characters, although characters of the GSM extension table take two septets.
#
# 81 braces are 162 septets, and one message holds 160 (3GPP TS 23.040, 9.2.3.16). The package writes one PDU whose
# user data length says 162. 153 braces become a first part with an odd number of hexadecimal digits.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --no-package-lock node-pdu@2.1.1
expected=$(cat <<'EXPECTED'
80 braces: length 160, 308 digits
81 braces: length 162, 312 digits
153 braces: length 17, 509 digits; length 48, 112 digits
EXPECTED
)
seen=$(node - <<'CODE'
const { Submit } = require('node-pdu');
for (const braces of [80, 81, 153]) {
  const parts = new Submit('+15550100001', '{'.repeat(braces)).getPartStrings();
  // A PDU to eleven digits: 13 octets, then the length of the user data.
  console.log(braces, 'braces:', parts.map((part) => `length ${parseInt(part.slice(26, 28), 16)}, ${part.length} digits`).join('; '));
}
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
