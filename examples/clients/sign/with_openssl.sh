#!/bin/sh
# Signs a draft with a key of one's own, by openssl alone: no line of Chancery runs here.
#
#   with_openssl.sh DRAFT KIND OFFICE CHAIN.pem KEY
#   with_openssl.sh note.draft CLEARANCE chancery://XA/office/treaty-01 treaty-01.pem treaty-01.key
#
# DRAFT   what `chancery draft compose` wrote; the signature is added to it
# KIND    what is given, and OFFICE by whom, as the draft lists it
# CHAIN   certificate of the office, then that of the authority that certified it, as `chancery key certify` wrote them
# KEY     PEM file, or what `openssl cms -inkey` takes with OPENSSL_KEY_OPTIONS='-engine pkcs11 -keyform engine'
#
# Whoever signs reads before: `chancery draft show DRAFT`, or the dispatch by the protos (docs/integrate.md).
set -eu
[ $# = 5 ] || { sed -n '2,/^set /p' "$0" | sed '$d; s/^# \{0,1\}//' >&2; exit 64; }
draft=$1 kind=$2 office=$3 chain=$4 key=$5
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The bytes that every office signs: exactly these, never encoded anew.
sed -n 's/^dispatch = "\(.*\)"$/\1/p' "$draft" | openssl base64 -d -A >"$work/dispatch.bin"
[ -s "$work/dispatch.bin" ] || { echo "$draft is no draft in clearance" >&2; exit 1; }

# -cades adds signing-certificate-v2; -nosmimecap leaves out what the profile does not know; -binary changes no byte.
# The certificate of the signer goes in by -signer, that of its authority by -certfile, and the root not at all.
openssl x509 -in "$chain" -out "$work/signer.pem"
sed '1,/END CERTIFICATE/d' "$chain" >"$work/authority.pem"
# shellcheck disable=SC2086
openssl cms -sign -binary -cades -nosmimecap -md sha256 -outform DER \
  -signer "$work/signer.pem" -certfile "$work/authority.pem" -inkey "$key" ${OPENSSL_KEY_OPTIONS:-} \
  -in "$work/dispatch.bin" -out "$work/signature.p7s"

printf '\n[[signature]]\nkind = "%s"\noffice = "%s"\np7s = "%s"\n' \
  "$kind" "$office" "$(openssl base64 -A -in "$work/signature.p7s")" >>"$draft"
echo "signed $(openssl dgst -sha256 "$work/dispatch.bin" | sed 's/.* //') as $office ($kind)"
