//! Where a draft stands: who has signed it, each signature verified now, and who must next.

use super::{DraftFile, DraftRefusal};
use crate::consultation::clearance::turn;
use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::message::dispatch::ExpectedAuthentication;
use crate::trust::name::Name;
use crate::trust::signature::{self, Signature};

/// One authentication that a draft needs.
#[derive(Debug, Clone)]
pub struct Step {
    /// What it is, and whose.
    pub expected: ExpectedAuthentication,
    /// The signature, verified; none while it is missing.
    pub signed: Option<Signature>,
    /// Whether it is the turn of this office.
    pub is_due: bool,
}

/// Where a draft stands.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its authentications, in the order of the dispatch.
    pub steps: Vec<Step>,
}

impl Standing {
    /// Whether every office has signed.
    pub fn is_complete(&self) -> bool {
        self.steps.iter().all(|step| step.signed.is_some())
    }

    /// The offices whose turn it is.
    pub fn due(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.is_due)
    }

    /// What is missing, in words.
    pub fn missing(&self) -> String {
        let missing = self.steps.iter().filter(|step| step.signed.is_none());
        let words =
            missing.map(|step| format!("{} by {}", step.expected.kind, label(&step.expected.credential)));
        words.collect::<Vec<_>>().join(", ")
    }
}

impl Desk {
    /// Where a draft stands now. A signature that does not hold now is an error: what was cleared by an office that was
    /// revoked since is not cleared.
    pub fn standing(&self, trust: &Trust, draft: &DraftFile) -> Result<Standing, DeskError> {
        let own = &self.config.ministry;
        if draft.address().sender != *own {
            return Err(DraftRefusal::OtherMinistry(draft.address().sender.to_string()).into());
        }
        let (anchors, now) = (trust.signing_anchors(own)?, self.clock.now());
        let mut steps: Vec<Step> = Vec::new();
        for (expected, p7s) in draft.dispatch().authentications.iter().zip(draft.signatures()) {
            let refused = |cause: String| DraftRefusal::Signature {
                kind: expected.kind,
                credential: expected.credential.clone(),
                cause,
            };
            let signed = match p7s {
                None => None,
                Some(p7s) => {
                    let signed = signature::verify(draft.bytes(), p7s, anchors, now)
                        .and_then(|signed| signed.require_name(&expected.credential).map(|()| signed))
                        .and_then(|signed| {
                            signed.require_authority(expected.kind.authority()).map(|()| signed)
                        })
                        .map_err(|cause| refused(cause.to_string()))?;
                    Some(signed)
                }
            };
            let other_hand = |step: &Step| !(step.expected.kind.releases() && expected.kind.releases());
            let same_key = |step: &&Step| {
                let keys = (step.signed.as_ref().map(Signature::key), signed.as_ref().map(Signature::key));
                matches!(keys, (Some(one), Some(other)) if one == other)
            };
            if let Some(step) = steps.iter().filter(|step| other_hand(step)).find(same_key) {
                let cause = format!("one key stands behind it and the {} (ROL_01)", step.expected.kind);
                return Err(refused(cause).into());
            }
            steps.push(Step { expected: expected.clone(), signed, is_due: false });
        }
        let unsigned = steps.iter().filter(|step| step.signed.is_none());
        let next = unsigned.map(|step| turn(step.expected.kind)).min();
        for step in &mut steps {
            step.is_due = step.signed.is_none() && Some(turn(step.expected.kind)) == next;
        }
        Ok(Standing { steps })
    }
}

/// The label of an office, by which people name it.
pub(super) fn label(name: &Name) -> String {
    name.to_string().rsplit('/').next().unwrap_or_default().to_owned()
}
