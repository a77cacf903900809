//! The roots and authorities that are believed for one ministry.
//!
//! Certificates of an accredited bundle enter and are checked against each other once; what leaves is the only
//! thing that chains may end at and pass through. Certificates that arrive with a message never become part of it.

use std::collections::BTreeSet;

use der::Decode;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use webpki::EndEntityCert;
use x509_cert::Certificate;

use crate::time::Timestamp;

use super::certificate;
use super::chain::Memory;
use super::name::Ministry;
use super::revocation::{RevocationList, RevocationListRefusal};

/// The root of one ministry, the authorities under it that are believed for one purpose, and their revocation
/// lists.
#[derive(Debug, Clone)]
pub struct Anchors {
    ministry: Ministry,
    root: CertificateDer<'static>,
    pub(super) trust_anchor: TrustAnchor<'static>,
    valid_from: Timestamp,
    valid_until: Timestamp,
    authorities: Vec<CertificateDer<'static>>,
    lists: Vec<RevocationList>,
    stale_lists_tolerated: bool,
    /// Of certificates that were believed under exactly these anchors.
    pub(super) memory: Memory,
}

/// Why certificates are not the root and the authorities of a ministry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnchorRefusal {
    /// One of the authorities.
    #[error("authority number {0} is not believed: {1}")]
    Authority(usize, &'static str),
    /// One of the revocation lists.
    #[error("revocation list number {0} is not believed: {1}")]
    RevocationList(usize, RevocationListRefusal),
    /// The root.
    #[error("the root is not believed: {0}")]
    Root(&'static str),
}

impl AnchorRefusal {
    /// The stable reason code.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Authority(..) => "AUTHORITY_INVALID",
            Self::RevocationList(..) => "REVOCATION_LIST_INVALID",
            Self::Root(_) => "ROOT_INVALID",
        }
    }
}

impl Anchors {
    /// Believes `root` and, under it, `authorities` (certificates, DER) in matters of `ministry`, less what the
    /// revocation lists of either (DER) say.
    pub fn new(
        ministry: Ministry,
        root: &[u8],
        authorities: &[Vec<u8>],
        lists: &[Vec<u8>],
    ) -> Result<Self, AnchorRefusal> {
        let (root, trust_anchor, parsed) = read_root(root).map_err(AnchorRefusal::Root)?;
        let mut believed: Vec<CertificateDer<'static>> = Vec::with_capacity(authorities.len());
        for (number, der) in (1..).zip(authorities) {
            let authority = CertificateDer::from(der.clone());
            check_authority(&authority, &root).map_err(|what| AnchorRefusal::Authority(number, what))?;
            if believed.contains(&authority) {
                return Err(AnchorRefusal::Authority(number, "it is named twice"));
            }
            believed.push(authority);
        }
        let mut anchors = Self {
            ministry,
            root,
            trust_anchor,
            valid_from: certificate::timestamp(parsed.tbs_certificate.validity.not_before),
            valid_until: certificate::timestamp(parsed.tbs_certificate.validity.not_after),
            authorities: believed,
            lists: Vec::with_capacity(lists.len()),
            stale_lists_tolerated: false,
            memory: Memory::default(),
        };
        for (number, list) in (1..).zip(lists) {
            let list = anchors.read_list(list).map_err(|why| AnchorRefusal::RevocationList(number, why))?;
            anchors.lists.push(list);
        }
        Ok(anchors)
    }

    /// The same anchors with revocation lists believed beyond their next update: to judge the successor of a bundle by
    /// what was revoked before it, because the lists that are awaited come with that very successor. Nobody outside
    /// this room can ask for it: no operator lets anybody in under a stale list (SECURITY.md says why).
    pub(in crate::trust) fn tolerating_stale_lists(mut self) -> Self {
        self.stale_lists_tolerated = true;
        self.memory = Memory::default();
        self
    }

    /// Those of `lists` (DER) that the root or an authority of these anchors has signed, each newer than every list of
    /// its issuer that counts here and not made after `at`. Others are passed over: they are no business of these
    /// anchors, or say nothing new.
    pub fn newer_lists(&self, lists: &[Vec<u8>], at: Timestamp) -> Vec<RevocationList> {
        let read = lists.iter().filter_map(|list| self.read_list(list).ok());
        let is_newer = |list: &RevocationList| {
            let held = self.lists.iter().filter(|held| held.issuer_digest() == list.issuer_digest());
            list.this_update() <= at
                && held.map(RevocationList::this_update).all(|held| held < list.this_update())
        };
        read.filter(is_newer).collect()
    }

    /// The same anchors with further lists beside those that count already; only those of the root and of authorities
    /// here make a difference. What was revoked stays so.
    pub fn with_lists(&self, lists: &[RevocationList]) -> Self {
        let mut extended = self.clone();
        let ours = lists.iter().filter(|list| self.read_list(list.der()).is_ok()).cloned();
        extended.lists.extend(ours);
        extended.memory = Memory::default();
        extended
    }

    /// The same anchors without any list: for what a ministry has itself kept of its own past.
    pub fn without_lists(&self) -> Self {
        Self { lists: Vec::new(), memory: Memory::default(), ..self.clone() }
    }

    /// The same root with those of its authorities that are named, and the lists of what remains.
    pub(super) fn restricted_to(&self, authorities: &[Vec<u8>]) -> Self {
        let mut restricted = self.clone();
        restricted
            .authorities
            .retain(|authority| authorities.iter().any(|named| *named == authority.as_ref()));
        let mut issuers: Vec<Vec<u8>> = vec![self.trust_anchor.subject.to_vec()];
        for authority in &restricted.authorities {
            issuers.extend(EndEntityCert::try_from(authority).map(|parsed| parsed.subject().to_vec()));
        }
        restricted.lists.retain(|list| issuers.iter().any(|issuer| issuer == list.issuer()));
        restricted
    }

    /// The ministry they belong to.
    pub fn ministry(&self) -> &Ministry {
        &self.ministry
    }

    /// The root certificate.
    pub fn root(&self) -> &CertificateDer<'static> {
        &self.root
    }

    /// The certificates of the authorities, as they were given.
    pub fn authorities(&self) -> &[CertificateDer<'static>] {
        &self.authorities
    }

    /// The revocation lists, as they were given.
    pub fn revocation_lists(&self) -> &[RevocationList] {
        &self.lists
    }

    /// Whether the root is valid at an instant; path validation does not look at it.
    pub(super) fn root_is_valid(&self, at: Timestamp) -> Result<(), RootOutsideValidity> {
        match () {
            () if at < self.valid_from => Err(RootOutsideValidity::Before(self.valid_from)),
            () if at > self.valid_until => Err(RootOutsideValidity::After(self.valid_until)),
            () => Ok(()),
        }
    }

    /// Until when the freshest list of this issuer is good, if staleness counts and the issuer has a list.
    pub(super) fn lists_fresh_until(&self, issuer: &[u8]) -> Option<Timestamp> {
        let lists = self.lists.iter().filter(|list| list.issuer() == issuer && !self.stale_lists_tolerated);
        lists.map(RevocationList::next_update).max()
    }

    /// From when to when the root is valid.
    pub(super) fn root_validity(&self) -> (Timestamp, Timestamp) {
        (self.valid_from, self.valid_until)
    }

    /// From when a certificate counts as revoked, by whatever list of its issuer says so first.
    pub(super) fn revoked_from(&self, issuer: &[u8], serial: &[u8]) -> Option<Timestamp> {
        let lists = self.lists.iter().filter(|list| list.issuer() == issuer);
        lists.filter_map(|list| list.revoked_from(serial)).min()
    }

    fn read_list(&self, der: &[u8]) -> Result<RevocationList, RevocationListRefusal> {
        let mut refusal = RevocationListRefusal::Foreign;
        for authority in std::iter::once(&self.root).chain(&self.authorities) {
            match RevocationList::read(der, authority) {
                Err(RevocationListRefusal::Foreign) => {}
                Err(other) => refusal = other,
                Ok(list) => return Ok(list),
            }
        }
        Err(refusal)
    }
}

/// On which side of the root's validity an instant lies.
pub(super) enum RootOutsideValidity {
    Before(Timestamp),
    After(Timestamp),
}

/// Whether no name and no key of one list of certificates stands in the other: a transport authority must never
/// certify signatures, and revocation lists are told apart by the name of their issuer.
pub(super) fn are_disjoint(some: &[Vec<u8>], others: &[Vec<u8>]) -> bool {
    let marks = |certificates: &[Vec<u8>]| -> BTreeSet<Vec<u8>> {
        let mut marks = BTreeSet::new();
        for der in certificates {
            let der = CertificateDer::from(der.as_slice());
            if let Ok(parsed) = EndEntityCert::try_from(&der) {
                marks.insert(parsed.subject().to_vec());
                marks.insert(parsed.subject_public_key_info().to_vec());
            }
        }
        marks
    };
    marks(some).is_disjoint(&marks(others))
}

type Root = (CertificateDer<'static>, TrustAnchor<'static>, Certificate);

fn read_root(der: &[u8]) -> Result<Root, &'static str> {
    let root = CertificateDer::from(der.to_vec());
    let parsed = Certificate::from_der(der).map_err(|_| "it is not a certificate")?;
    let trust_anchor =
        webpki::anchor_from_trusted_cert(&root).map_err(|_| "it is not a certificate")?.to_owned();
    let own = EndEntityCert::try_from(&root).map_err(|_| "it is not a certificate of version 3")?;
    if own.issuer() != own.subject() || !certificate::is_signed_by(der, &own) {
        return Err("it is not signed by itself");
    }
    check_may_certify(&parsed)?;
    Ok((root, trust_anchor, parsed))
}

fn check_authority(authority: &CertificateDer<'_>, root: &CertificateDer<'_>) -> Result<(), &'static str> {
    let parsed = Certificate::from_der(authority).map_err(|_| "it is not a certificate")?;
    let own = EndEntityCert::try_from(authority).map_err(|_| "it is not a certificate of version 3")?;
    let issuer = EndEntityCert::try_from(root).map_err(|_| "its root is unreadable")?;
    if own.issuer() != issuer.subject() || !certificate::is_signed_by(authority, &issuer) {
        return Err("the root did not sign it");
    }
    if own.subject() == issuer.subject() {
        return Err("it bears the name of the root");
    }
    let depth =
        certificate::basic_constraints(&parsed).and_then(|constraints| constraints.path_len_constraint);
    if depth != Some(0) {
        return Err("it may create further authorities");
    }
    check_may_certify(&parsed)
}

fn check_may_certify(parsed: &Certificate) -> Result<(), &'static str> {
    if !certificate::basic_constraints(parsed).is_some_and(|constraints| constraints.ca) {
        return Err("it is not an authority");
    }
    match certificate::key_usage(parsed) {
        Some(usage) if usage.key_cert_sign() => Ok(()),
        _ => Err("its key may not sign certificates"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trust::testing::{NOW, TestMinistry, days};

    fn refusal(root: &[u8], authorities: &[Vec<u8>], lists: &[Vec<u8>]) -> Option<AnchorRefusal> {
        Anchors::new(Ministry::parse("XA").unwrap(), root, authorities, lists).err()
    }

    #[test]
    fn a_root_with_its_authorities_and_lists_is_taken() {
        let xa = TestMinistry::new("XA");
        let lists = [&xa.root, &xa.desk].map(|issuer| issuer.revocation_list(&[], NOW.after(days(1))));
        let anchors =
            Anchors::new(xa.ministry.clone(), xa.root.der(), &[xa.desk.der().to_vec()], &lists).unwrap();
        assert_eq!(anchors.ministry(), &xa.ministry);
        assert_eq!(anchors.revocation_lists().len(), 2);
    }

    #[test]
    fn only_a_self_signed_authority_is_a_root() {
        let xa = TestMinistry::new("XA");
        assert_eq!(refusal(xa.desk.der(), &[], &[]), Some(AnchorRefusal::Root("it is not signed by itself")));
        assert!(matches!(refusal(b"no", &[], &[]), Some(AnchorRefusal::Root(_))));
        assert!(matches!(refusal(xa.registry().certificate_der(), &[], &[]), Some(AnchorRefusal::Root(_))));
    }

    #[test]
    fn only_certificates_of_the_root_are_authorities() {
        let (xa, other) = (TestMinistry::new("XA"), TestMinistry::new("XA"));
        let desk = xa.desk.der().to_vec();
        let list = [
            (vec![other.desk.der().to_vec()], "the root did not sign it"),
            (vec![xa.root.der().to_vec()], "it bears the name of the root"),
            (vec![xa.trust().certificate_der().to_vec()], "it may create further authorities"),
            (vec![b"no".to_vec()], "it is not a certificate"),
        ];
        for (authorities, what) in list {
            assert_eq!(refusal(xa.root.der(), &authorities, &[]), Some(AnchorRefusal::Authority(1, what)));
        }
        let twice = refusal(xa.root.der(), &[desk.clone(), desk], &[]);
        assert_eq!(twice, Some(AnchorRefusal::Authority(2, "it is named twice")));
    }

    #[test]
    fn a_list_of_a_stranger_is_refused() {
        let xa = TestMinistry::new("XA");
        let list = xa.transport.revocation_list(&[], NOW.after(days(1)));
        let refused = refusal(xa.root.der(), &[xa.desk.der().to_vec()], &[list]);
        assert_eq!(refused, Some(AnchorRefusal::RevocationList(1, RevocationListRefusal::Foreign)));
    }

    #[test]
    fn bytes_that_are_no_list_are_refused() {
        let xa = TestMinistry::new("XA");
        let refused = refusal(xa.root.der(), &[xa.desk.der().to_vec()], &[vec![]]);
        let Some(AnchorRefusal::RevocationList(1, why)) = refused else { panic!("{refused:?}") };
        assert!(matches!(why, RevocationListRefusal::Unreadable(_)));
    }

    #[test]
    fn the_same_key_under_two_certificates_is_not_disjoint() {
        let xa = TestMinistry::new("XA");
        let (desk, transport) = (xa.desk.der().to_vec(), xa.transport.der().to_vec());
        let again = xa.desk.certified_again_by(&xa.root).der().to_vec();
        assert_ne!(again, desk);
        assert!(are_disjoint(std::slice::from_ref(&desk), &[transport]));
        assert!(!are_disjoint(&[desk], &[again]));
    }
}
