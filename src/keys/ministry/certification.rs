//! Certifying keys in the home of a ministry: requests enter, chains leave, the register remembers.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{HomeError, MinistryHome};
use crate::entropy::Entropy;
use crate::keys::authority::{CertificateAuthority, Grant, IssueRefusal, IssuedCertificate, certificate_pem};
use crate::keys::branch::Branch;
use crate::keys::register::{IssuedRecord, Register};
use crate::keys::request::CertificateRequest;
use crate::time::Timestamp;
use crate::trust::name::{Authority, Label, Name};

/// What is asked for with one certificate request. The name is stated here as well as in the request, and
/// both must agree: what a person types is what is certified.
#[derive(Debug, Clone)]
pub struct Application {
    /// The request, PEM.
    pub request: String,
    /// Whose key it is to be.
    pub name: Name,
    /// What they may do in the name of the ministry.
    pub authorities: BTreeSet<Authority>,
    /// For how long.
    pub valid_for: Duration,
}

/// The requests of a desk that is enrolled: its access to the gateway, and the keys it signs with.
#[derive(Debug, Clone)]
pub struct DeskEnrolment {
    /// Which desk.
    pub label: Label,
    /// Request for its access certificate, PEM.
    pub access_request: String,
    /// Requests for the registry and the offices that work at this desk.
    pub signers: Vec<Application>,
    /// For how long the access certificate is valid.
    pub valid_for: Duration,
}

/// The certificates of an enrolled desk: chains, PEM, without the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskCertificates {
    /// Of its access to the gateway.
    pub access: String,
    /// Of its signers, in the order of the enrolment.
    pub signers: Vec<String>,
}

impl MinistryHome {
    /// Certifies the key of one request; the result is the chain, PEM, leaf first, without the root.
    pub fn certify(
        &self,
        application: &Application,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<String, HomeError> {
        Ok(self.certify_all(std::slice::from_ref(application), now, entropy)?.concat())
    }

    /// Certifies all keys of a desk or none.
    pub fn enrol_desk(
        &self,
        enrolment: &DeskEnrolment,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<DeskCertificates, HomeError> {
        let mut applications = enrolment.signers.clone();
        applications.push(Application {
            request: enrolment.access_request.clone(),
            name: Name::Desk { ministry: self.founding.ministry.clone(), label: enrolment.label.clone() },
            authorities: BTreeSet::new(),
            valid_for: enrolment.valid_for,
        });
        let mut signers = self.certify_all(&applications, now, entropy)?;
        let access = signers.pop().unwrap_or_default();
        Ok(DeskCertificates { access, signers })
    }

    /// Certifies the keys of many requests or none; the chains come in the order of the applications. Every
    /// application is checked before anything is issued, and every certificate entered before any leaves.
    pub fn certify_all(
        &self,
        applications: &[Application],
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Vec<String>, HomeError> {
        let mut requests = Vec::with_capacity(applications.len());
        for application in applications {
            requests.push((application, accept(application)?));
        }
        let mut records = Vec::with_capacity(requests.len());
        let mut chains = Vec::with_capacity(requests.len());
        for branch in Branch::ALL {
            if !applications.iter().any(|application| Branch::of(&application.name) == branch) {
                continue;
            }
            let authority = self.authority(branch)?;
            for (place, (application, request)) in requests.iter().enumerate() {
                if Branch::of(&application.name) == branch {
                    let issued = self.issue(&authority, application, request, now, entropy)?;
                    records.push(record(application, &issued, now));
                    chains.push((place, chain(&authority, &issued)));
                }
            }
        }
        Register::update(&self.directory, |register| {
            register.issued.extend(records);
            Ok::<_, HomeError>(())
        })?;
        chains.sort_by_key(|(place, _)| *place);
        Ok(chains.into_iter().map(|(_, chain)| chain).collect())
    }

    fn issue(
        &self,
        authority: &CertificateAuthority,
        application: &Application,
        request: &CertificateRequest,
        now: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<IssuedCertificate, HomeError> {
        let grant = Grant {
            name: &application.name,
            authorities: &application.authorities,
            roles: &BTreeSet::new(),
            domain: &self.founding.domain,
            valid_for: application.valid_for,
        };
        Ok(authority.certify(request.public_key(), &grant, now, entropy)?)
    }
}

/// A request whose key is proven and whose name is the one that was asked for.
fn accept(application: &Application) -> Result<CertificateRequest, HomeError> {
    let request = CertificateRequest::parse(&application.request)?;
    if request.name() != &application.name {
        let (requested, asked) = (request.name().clone(), application.name.clone());
        return Err(HomeError::OtherName { requested, asked });
    }
    if !Branch::ALL.contains(&Branch::of(&application.name)) {
        // The desk that a client calls enrols it, under an authority of its own.
        let (name, ministry) = (application.name.clone(), application.name.ministry().clone());
        return Err(IssueRefusal::Branch(name, Branch::Root, ministry).into());
    }
    Ok(request)
}

fn record(application: &Application, issued: &IssuedCertificate, now: Timestamp) -> IssuedRecord {
    IssuedRecord {
        serial: issued.serial,
        name: application.name.clone(),
        issued: now,
        not_after: issued.not_after,
        revocation: None,
    }
}

/// The certificate and its issuer, unless that is the root, which every verifier must have from elsewhere.
fn chain(authority: &CertificateAuthority, issued: &IssuedCertificate) -> String {
    let mut pem = certificate_pem(&issued.der);
    if authority.branch() != Branch::Root {
        pem.push_str(&certificate_pem(authority.certificate()));
    }
    pem
}
