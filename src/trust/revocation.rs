//! Certificate revocation lists, and the signing-time rule.
//!
//! A list enters as DER together with the certificate of the authority it must come from; what leaves is from
//! which instant a serial number counts as revoked. A list whose signature was not checked never becomes a
//! `RevocationList`. Only full lists of one authority are taken: no delta, indirect or partitioned lists.

use std::sync::Arc;

use der::Decode;
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{CertRevocationList, EndEntityCert, OwnedCertRevocationList};
use x509_cert::crl::CertificateList;

use crate::digest::Digest;
use crate::time::Timestamp;

use super::certificate;

/// A revocation list whose authority signed it.
#[derive(Debug, Clone)]
pub struct RevocationList {
    entries: Arc<CertRevocationList<'static>>,
    der: Vec<u8>,
    issuer: Digest,
    this_update: Timestamp,
    next_update: Timestamp,
}

/// Why bytes are not a revocation list of the authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevocationListRefusal {
    /// Another issuer or a wrong signature.
    #[error("the revocation list was not signed by this authority")]
    Foreign,
    /// A kind of list that is not taken.
    #[error("the revocation list does not cover its whole authority")]
    Partial,
    /// Bytes that are no list.
    #[error("not a certificate revocation list: {0}")]
    Unreadable(String),
}

impl RevocationList {
    /// Reads a list, DER, and checks that `authority`, the DER of a certificate, signed it.
    pub fn read(der: &[u8], authority: &CertificateDer<'_>) -> Result<Self, RevocationListRefusal> {
        let entries: CertRevocationList<'static> =
            OwnedCertRevocationList::from_der(der).map_err(unreadable)?.into();
        if entries.issuing_distribution_point().is_some() {
            return Err(RevocationListRefusal::Partial);
        }
        let issuer = EndEntityCert::try_from(authority).map_err(unreadable)?;
        if entries.issuer() != issuer.subject() || !certificate::is_signed_by(der, &issuer) {
            return Err(RevocationListRefusal::Foreign);
        }
        let list = CertificateList::from_der(der).map_err(unreadable)?.tbs_cert_list;
        let next_update = list.next_update.ok_or(RevocationListRefusal::Partial)?;
        Ok(Self {
            entries: Arc::new(entries),
            der: der.to_vec(),
            issuer: Digest::of_parts(&[issuer.subject(), issuer.subject_public_key_info().as_ref()]),
            this_update: certificate::timestamp(list.this_update),
            next_update: certificate::timestamp(next_update),
        })
    }

    /// The exact bytes.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// When the authority made it.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// Until when the authority promises the next one; later the list is stale.
    pub fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// What tells its issuer from others: SHA-256 of name and key. Two authorities may have one name, when one of them
    /// follows the other, and the list of neither stands in the place of the other's.
    pub fn issuer_digest(&self) -> Digest {
        self.issuer
    }

    /// The issuer's name, the content octets of its DER.
    pub(super) fn issuer(&self) -> &[u8] {
        self.entries.issuer()
    }

    /// Serial numbers of the certificates that it revokes, hexadecimal.
    pub fn serials(&self) -> Vec<String> {
        let list = CertificateList::from_der(&self.der).ok();
        let entries = list.and_then(|list| list.tbs_cert_list.revoked_certificates).unwrap_or_default();
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        entries.iter().map(|entry| hex(entry.serial_number.as_bytes())).collect()
    }

    /// From which instant the certificate with this serial number is not believed: its revocation or, if that
    /// is earlier, the date since when its key is known or suspected to be in wrong hands.
    pub(super) fn revoked_from(&self, serial: &[u8]) -> Option<Timestamp> {
        let entry = self.entries.find_serial(serial).ok().flatten()?;
        let revoked = entry.revocation_date;
        Some(instant(entry.invalidity_date.map_or(revoked, |invalid| invalid.min(revoked))))
    }
}

fn instant(time: UnixTime) -> Timestamp {
    Timestamp::from_seconds(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
}

fn unreadable(error: impl std::fmt::Display) -> RevocationListRefusal {
    RevocationListRefusal::Unreadable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::testing::{NOW, TestAuthority, TestMinistry, days};

    #[test]
    fn an_earlier_invalidity_date_wins_over_the_revocation_date() {
        let xa = TestMinistry::new("XA");
        let office = xa.office("one", &[]);
        let listed = |revoked, invalid| {
            let list = xa.desk.revocation_list(&[(&office, revoked, invalid)], NOW.after(days(30)));
            let read = RevocationList::read(&list, &xa.desk.certificate()).unwrap();
            read.revoked_from(&office.serial())
        };
        let (early, late) = (NOW.before(days(9)), NOW.before(days(2)));
        assert_eq!(listed(late, Some(early)), Some(early));
        assert_eq!(listed(early, Some(late)), Some(early));
        assert_eq!(listed(late, None), Some(late));
    }

    #[test]
    fn two_authorities_of_one_name_are_two_issuers() {
        let (xa, anew) = (TestMinistry::new("XA"), TestMinistry::new("XA"));
        let issuer = |authority: &TestAuthority| {
            let list = authority.revocation_list(&[], NOW.after(days(30)));
            RevocationList::read(&list, &authority.certificate()).unwrap()
        };
        let (one, other) = (issuer(&xa.desk), issuer(&anew.desk));
        assert_eq!(one.issuer(), other.issuer());
        assert_ne!(one.issuer_digest(), other.issuer_digest());
        assert_eq!(one.issuer_digest(), issuer(&xa.desk).issuer_digest());
    }

    #[test]
    fn an_unlisted_serial_is_not_revoked() {
        let xa = TestMinistry::new("XA");
        let list = xa.desk.revocation_list(&[(&xa.office("one", &[]), NOW, None)], NOW.after(days(30)));
        let read = RevocationList::read(&list, &xa.desk.certificate()).unwrap();
        assert_eq!(read.revoked_from(&xa.office("two", &[]).serial()), None);
        assert_eq!(read.next_update(), NOW.after(days(30)));
    }

    #[test]
    fn a_list_of_another_authority_is_refused() {
        let (xa, other) = (TestMinistry::new("XA"), TestMinistry::new("XA"));
        let list = xa.desk.revocation_list(&[], NOW.after(days(30)));
        let refusal = |authority: &TestAuthority| RevocationList::read(&list, &authority.certificate()).err();
        assert_eq!(refusal(&xa.transport), Some(RevocationListRefusal::Foreign));
        assert_eq!(refusal(&other.desk), Some(RevocationListRefusal::Foreign));
        assert_eq!(refusal(&xa.desk), None);
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_list_is_refused() {
        let xa = TestMinistry::new("XA");
        let mut list = xa.desk.revocation_list(&[(&xa.office("one", &[]), NOW, None)], NOW.after(days(30)));
        let authority = xa.desk.certificate();
        for position in 0..list.len() * 8 {
            list[position / 8] ^= 1 << (position % 8);
            assert!(RevocationList::read(&list, &authority).is_err(), "bit {position}");
            list[position / 8] ^= 1 << (position % 8);
        }
    }
}
