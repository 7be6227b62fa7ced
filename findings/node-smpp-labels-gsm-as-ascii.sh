#!/bin/sh
# npm smpp 0.5.1 sends the GSM alphabet under data_coding 1, which SMPP 3.4 (5.2.19) defines as IA5 (ASCII).
#
# The encoding that the package calls ASCII is the GSM 03.38 alphabet. A text with 'é' and a euro sign is written as 05 and
# 1B 65, and data_coding says 1. A receiver that follows the specification reads control characters.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --no-package-lock smpp@0.5.1
expected=$(cat <<'EXPECTED'
data_coding 1 short_message 63616605201b65
EXPECTED
)
seen=$(node - <<'CODE'
const { PDU } = require('smpp');
const octets = new PDU('submit_sm', { source_addr: '15550100001', destination_addr: '15550100002', short_message: 'caf\u00e9 \u20ac' }).toBuffer();
const length = octets[octets.length - 8];
console.log('data_coding', new PDU(octets).data_coding, 'short_message', octets.subarray(octets.length - length).toString('hex'));
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
