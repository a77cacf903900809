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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;
    use crate::digest::Digest;
    use crate::limits::CLOCK_SKEW_MAX;
    use crate::message::header::{Address, Addressee, Part, Position};
    use crate::message::terms::{AddresseeKind, Level};
    use crate::trust::name::Ministry;
    use crate::trust::policy::ChannelId;

    const RELEASED: Timestamp = Timestamp::from_seconds(1_795_341_600);
    const HOUR: Duration = Duration::from_secs(3600);

    /// What a gateway of XB whose clock shows `now` says of a message released at `RELEASED`, valid for an hour.
    fn judged(now: Timestamp) -> Result<(), Reason> {
        let [xa, xb] = ["XA", "XB"].map(|code| Ministry::parse(code).unwrap());
        let channel = ChannelId::parse("ch-0123456789abcdef").unwrap();
        let address = Address {
            channel: channel.clone(),
            consultation: "C-7QK4-M2XD-9WTV".to_owned(),
            sender: xa.clone(),
            addressees: vec![Addressee { ministry: xb.clone(), kind: AddresseeKind::Action }],
            precedence: Precedence::Routine,
            level: Level::Restricted,
            releasable_to: vec![xa.clone(), xb.clone()],
        };
        let position = Position {
            recipient: xb.clone(),
            sequence: 1,
            previous: None,
            act_number: 0,
            release_time: RELEASED,
            valid_until: RELEASED.after(HOUR),
        };
        let part = Part { digest: Digest::of(b"part"), size: 1 };
        let header = Header::compose(&address, &position, &[part]).unwrap();
        let rule = ChannelRule { parties: [xa, xb.clone()].into(), ceiling: 2, suspended: false };
        let channels = BTreeMap::from([(channel, rule)]);
        let policy = ChannelPolicy::new(xb, 1, RELEASED, channels, BTreeMap::new()).unwrap();
        judge(&header, &policy, now).map_err(|refusal| refusal.reason())
    }

    #[test]
    fn a_clock_may_be_so_far_behind_the_senders_and_validity_ends_with_its_last_second() {
        let second = Duration::from_secs(1);
        assert_eq!(judged(RELEASED.before(CLOCK_SKEW_MAX)), Ok(()));
        assert_eq!(judged(RELEASED.before(CLOCK_SKEW_MAX).before(second)), Err(Reason::FutureDated));
        assert_eq!(judged(RELEASED.after(HOUR)), Ok(()));
        assert_eq!(judged(RELEASED.after(HOUR).after(second)), Err(Reason::Expired));
    }
}
