//! Errands: every request that changes something is done once, however often it is sent.
//!
//! A request with its id enters. Either it was done before, and what came of it leaves; or an errand leaves that is
//! written in the same transaction as what it does.

use prost::Message;
use tonic::Code;

use super::refusals::Refused;
use super::visitors::Visitor;
use super::{Service, vault};
use crate::desk::register::Errand;
use crate::limits;

/// A request as it is met.
pub(super) enum Met {
    /// It is new: this is to be noted with what it does.
    New(Errand),
    /// It was done, and this came of it.
    Done(Vec<u8>),
}

impl Service {
    /// Meets a request. Its errand has no subject yet.
    pub(super) fn meet(
        &self,
        visitor: &Visitor,
        method: &str,
        request_id: &str,
        request: &impl Message,
    ) -> Result<Met, Refused> {
        let fits = (1..=limits::REQUEST_ID_BYTES_MAX).contains(&request_id.len())
            && request_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !fits {
            let most = limits::REQUEST_ID_BYTES_MAX;
            let message = format!("1 to {most} of a-z, A-Z, 0-9, '-' and '_' are expected");
            return Err(Refused::field("request_id", "INVALID_REQUEST_ID", message));
        }
        let key = self.keys.reading()?;
        let request = request.encode_to_vec();
        let fingerprint = vault::fingerprint(&key, method, &request);
        match self.desk.register.errand(visitor.name(), request_id)? {
            None => Ok(Met::New(Errand {
                client: visitor.name().to_owned(),
                request_id: request_id.to_owned(),
                fingerprint,
                subject: Vec::new(),
                time: self.desk.clock.now(),
            })),
            Some(done) if vault::is_fingerprint(&key, &done.fingerprint, method, &request) => {
                Ok(Met::Done(done.subject))
            }
            Some(_) => Err(reused()),
        }
    }
}

/// Another request of the client was done under this id.
pub(super) fn reused() -> Refused {
    let message = "another request was done under this id: a new intention takes a new id";
    Refused::new(Code::AlreadyExists, "REQUEST_ID_REUSED", message)
}
