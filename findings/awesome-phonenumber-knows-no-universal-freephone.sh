#!/bin/sh
# awesome-phonenumber 7.8.0 calls +800, +883 and +979 an invalid country code.
#
# These are codes of E.164 for services without a country: universal freephone, international networks and premium rate.
# google-libphonenumber 3.2.47, from the same metadata, accepts all three, under the region 001.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --no-package-lock awesome-phonenumber@7.8.0 google-libphonenumber@3.2.47
expected=$(cat <<'EXPECTED'
+80012345678 awesome: false invalid-country-code google: true
+883510001234567 awesome: false invalid-country-code google: true
+979123456789 awesome: false invalid-country-code google: true
+12025550123 awesome: true is-possible google: true
EXPECTED
)
seen=$(node - <<'CODE'
const { parsePhoneNumber } = require('awesome-phonenumber');
const { PhoneNumberUtil } = require('google-libphonenumber');
const util = PhoneNumberUtil.getInstance();
for (const number of ['+80012345678', '+883510001234567', '+979123456789', '+12025550123']) {
  const theirs = parsePhoneNumber(number);
  console.log(number, 'awesome:', theirs.valid, theirs.possibility, 'google:', util.isValidNumber(util.parse(number)));
}
CODE
)
printf 'seen:\n%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    printf 'This has changed. Seen before:\n%s\n' "$expected"
    exit 1
fi
echo "The behaviour is as it was."
