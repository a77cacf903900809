//! Admission: what a blind gateway may judge of a message, from its header and the channel policy alone.
//!
//! Pure: a header, a policy and an instant enter; a verdict leaves. Everything that needs the sealed content
//! is the desks' business.

use crate::limits;
use crate::message::header::Header;
use crate::message::refusal::{Reason, Refusal};
use crate::message::terms::Precedence;
use crate::time::Timestamp;
use crate::trust::policy::{ChannelPolicy, ChannelRule};

/// Judges CHN-01, CHN-02, CHN-06, CHN-08, CLS-01 and CLS-02. The first rule that fails is the answer.
pub fn judge(header: &Header, policy: &ChannelPolicy, now: Timestamp) -> Result<(), Refusal> {
    let rule = channel(header, policy)?;
    if rule.suspended && header.address().precedence != Precedence::Flash {
        return refuse(Reason::ChannelSuspended, "the channel is suspended; only FLASH passes");
    }
    if header.position().release_time > now.after(limits::CLOCK_SKEW_MAX) {
        return refuse(Reason::FutureDated, "released more than five minutes in the future");
    }
    if header.position().valid_until < now {
        return refuse(Reason::Expired, "no longer valid");
    }
    if u32::try_from(header.address().level.number()).is_ok_and(|level| level > rule.ceiling) {
        return refuse(Reason::AboveCeiling, "the level is above the ceiling of the channel");
    }
    let releasable = &header.address().releasable_to;
    if header.address().addressees.iter().any(|addressee| !releasable.contains(&addressee.ministry)) {
        return refuse(Reason::NotReleasable, "an addressee is not among those it may be released to");
    }
    Ok(())
}

/// The rule of the header's channel, if sender and addressees are its parties (CHN-01).
fn channel<'a>(header: &Header, policy: &'a ChannelPolicy) -> Result<&'a ChannelRule, Refusal> {
    let address = header.address();
    let rule = policy.channel(&address.channel);
    let speakers = address.addressees.iter().map(|addressee| &addressee.ministry).chain([&address.sender]);
    match rule {
        Some(rule) if speakers.into_iter().all(|ministry| rule.parties.contains(ministry)) => Ok(rule),
        Some(_) => refuse(Reason::UnknownChannel, "sender or addressee is not a party to the channel"),
        None => refuse(Reason::UnknownChannel, "there is no such channel"),
    }
}

fn refuse<T>(reason: Reason, detail: &str) -> Result<T, Refusal> {
    Err(Refusal::new(reason, detail))
}
