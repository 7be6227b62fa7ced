#!/bin/sh
# node-pdu 2.1.1 writes a text as UCS-2 if it holds any character outside ASCII, the GSM alphabet or not.
#
# 'é' and the euro sign are part of the GSM alphabet and its extension table (3GPP TS 23.038, 6.2.1). With them a text of
# 306 characters needs three parts. The package writes five, each of which is paid. Brackets, in the same extension
# table, stay in the GSM alphabet.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --no-package-lock node-pdu@2.1.1
expected=$(cat <<'EXPECTED'
4 characters: alphabet 0 parts 1
4 characters: alphabet 2 parts 1
6 characters: alphabet 0 parts 1
306 characters: alphabet 2 parts 5
EXPECTED
)
seen=$(node - <<'CODE'
const { Submit } = require('node-pdu');
for (const text of ['cafe', 'caf\u00e9', '[cafe]', 'a'.repeat(152) + '\u20ac' + 'a'.repeat(153)]) {
  const submit = new Submit('+15550100001', text);
  console.log(text.length, 'characters: alphabet', submit.dataCodingScheme.textAlphabet, 'parts', submit.getPartStrings().length);
}
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
