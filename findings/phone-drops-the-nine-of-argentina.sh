#!/bin/sh
# npm phone 3.1.72 takes the 9 out of a mobile number of Argentina, so that it names a fixed line.
#
# From abroad, mobile numbers of Argentina are +54 9, area code, number. The 15 before a number is dialled inside the
# country only. The package calls that form valid as an international number too. libphonenumber-js 1.13.16 keeps the
# first form and turns the second one into it. A message that is sent to the number without the 9 does not arrive.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --no-package-lock phone@3.1.72 libphonenumber-js@1.13.16
expected=$(cat <<'EXPECTED'
+54 9 11 2345 6789 phone: true +541123456789 libphonenumber-js: +5491123456789
+54 11 15 2345 6789 phone: true +54111523456789 libphonenumber-js: +5491123456789
EXPECTED
)
seen=$(node - <<'CODE'
const { phone } = require('phone');
const { parsePhoneNumber } = require('libphonenumber-js');
for (const number of ['+54 9 11 2345 6789', '+54 11 15 2345 6789']) {
  const theirs = phone(number);
  console.log(number, 'phone:', theirs.isValid, theirs.phoneNumber, 'libphonenumber-js:', parsePhoneNumber(number).number);
}
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
