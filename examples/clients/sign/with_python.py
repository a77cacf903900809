"""Signs a draft with a key of one's own, by Python: asn1crypto builds the CMS signature, cryptography makes it.

    python3 with_python.py note.draft CLEARANCE chancery://XA/office/treaty-01 treaty-01.pem treaty-01.key

The arguments are those of with_openssl.sh. Everything that docs/format.md section 4 demands of a signature is in
`signature`; where the key lies in a device, replace `sign` alone.
"""

import base64
import hashlib
import sys
import tomllib
from datetime import datetime, timezone
from pathlib import Path

from asn1crypto import cms, pem, tsp, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def signature(content: bytes, chain: list[bytes], sign) -> bytes:
    """A detached CMS signature, CAdES-B-B, over exactly these bytes. `chain` is the signer's certificate first (DER)."""
    signer = x509.Certificate.load(chain[0])
    digest_algorithm = {"algorithm": "sha256"}
    # Four attributes, each with one value, and no other; asn1crypto puts the SET into the order of DER.
    signed_attributes = cms.CMSAttributes(
        [
            {"type": "content_type", "values": ["data"]},
            {"type": "message_digest", "values": [hashlib.sha256(content).digest()]},
            # Before 2050 a UTCTime; no fractions of a second, and never local time.
            {"type": "signing_time", "values": [cms.Time(name="utc_time", value=datetime.now(timezone.utc))]},
            # The certificate is named under the signature, so that no other can be put in its place. No hash
            # algorithm stands there: SHA-256 is the default, and DER leaves defaults out.
            {
                "type": "signing_certificate_v2",
                "values": [tsp.SigningCertificateV2({"certs": [{"cert_hash": hashlib.sha256(chain[0]).digest()}]})],
            },
        ]
    )
    signer_info = cms.SignerInfo(
        {
            "version": "v1",
            "sid": {"issuer_and_serial_number": {"issuer": signer.issuer, "serial_number": signer.serial_number}},
            "digest_algorithm": digest_algorithm,
            "signed_attrs": signed_attributes,
            "signature_algorithm": {"algorithm": "sha256_ecdsa"},
            # What is signed is the attributes as a SET OF, tag 0x31, not with the tag [0] under which they travel.
            "signature": sign(signed_attributes.dump()),
        }
    )
    signed_data = cms.SignedData(
        {
            "version": "v1",
            "digest_algorithms": [digest_algorithm],
            "encap_content_info": {"content_type": "data"},
            "certificates": [x509.Certificate.load(certificate) for certificate in chain],
            "signer_infos": [signer_info],
        }
    )
    return cms.ContentInfo({"content_type": "signed_data", "content": signed_data}).dump()


def main() -> None:
    draft, kind, office, chain_file, key_file = sys.argv[1:]
    text = Path(draft).read_text()
    dispatch = base64.b64decode(tomllib.loads(text)["dispatch"])
    chain = [der for _, _, der in pem.unarmor(Path(chain_file).read_bytes(), multiple=True)]
    key = serialization.load_pem_private_key(Path(key_file).read_bytes(), password=None)
    made = signature(dispatch, chain, lambda bytes_: key.sign(bytes_, ec.ECDSA(hashes.SHA256())))
    with Path(draft).open("a") as file:
        p7s = base64.b64encode(made).decode()
        file.write(f'\n[[signature]]\nkind = "{kind}"\noffice = "{office}"\np7s = "{p7s}"\n')
    print(f"signed {hashlib.sha256(dispatch).hexdigest()} as {office} ({kind})")


if __name__ == "__main__":
    main()
