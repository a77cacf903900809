//! Handing over again: a gateway that was restored from an older copy, or has lost its disk, gets back from its
//! desk what no peer can give it.
//!
//! The register has every envelope that was ever released, with the gateway's receipt for it. Both go again, in
//! the order of their numbers: the receipt tells the gateway at which place of its log the message stood, so that
//! nothing is signed twice. Nothing is ever called void here: the gateway held these messages once.

use std::collections::VecDeque;

use crate::desk::Desk;
use crate::desk::accreditation::Trust;
use crate::desk::error::DeskError;
use crate::desk::mailbox::Mailbox;
use crate::desk::register::{SentEntry, SentState};
use crate::limits;
use crate::message::envelope::Envelope;
use crate::message::leaf::LeafKind;
use crate::message::receipt::Receipt;
use crate::trust::name::Ministry;

/// What the gateway lacks of one channel.
struct Line {
    channel: String,
    /// The last number that was looked up.
    last: u64,
    waiting: VecDeque<SentEntry>,
}

/// Where a message stood in the gateway's log by its receipt: the name of the log, which ends with the year, and the
/// index. What has no receipt comes last.
fn place(entry: &SentEntry) -> (bool, String, u64) {
    let Ok(receipt) = Receipt::parse(&entry.submission_receipt) else { return (true, String::new(), 0) };
    let log = receipt.proof().checkpoint.text().lines().next().unwrap_or_default().to_owned();
    (false, log, receipt.proof().index)
}

/// Takes out what stands next in the gateway's log of all that waits; none where nothing does.
fn foremost(lines: &mut [Line]) -> Option<SentEntry> {
    let waiting = lines.iter_mut().filter(|line| !line.waiting.is_empty());
    waiting.min_by_key(|line| line.waiting.front().map(place))?.waiting.pop_front()
}

impl Desk {
    /// Hands over again all that the gateway lacks towards a recipient, on all channels together in the order of its
    /// log: what has no place yet, because another stood before it, would be taken for good by nobody.
    pub(super) async fn hand_back(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        recipient: &Ministry,
    ) -> Result<(), DeskError> {
        let mut lines = Vec::new();
        for channel in self.register.channels_to(recipient)? {
            let last = mailbox.position(&channel, recipient).await?.0;
            lines.push(Line { channel, last, waiting: VecDeque::new() });
        }
        loop {
            for line in lines.iter_mut().filter(|line| line.waiting.is_empty()) {
                let page =
                    self.register.taken_after(&line.channel, recipient, line.last, limits::PAGE_MAX)?;
                line.last = page.last().map_or(line.last, |newest| newest.sequence);
                line.waiting.extend(page);
            }
            let Some(entry) = foremost(&mut lines) else { return Ok(()) };
            self.submit_again(trust, mailbox, &entry).await?;
        }
    }

    /// Hands over one message that the gateway had taken before, with its receipt of then. One that was withdrawn
    /// goes without its parts, so that it is not delivered after all.
    pub(super) async fn submit_again(
        &self,
        trust: &Trust,
        mailbox: &mut Mailbox,
        entry: &SentEntry,
    ) -> Result<(), DeskError> {
        let envelope = Envelope::parse_held(&entry.envelope)?;
        if entry.state == SentState::Withdrawn {
            let bare = Envelope::without_parts(envelope.header().clone(), envelope.signature().to_vec())?;
            let withdrawn = mailbox.withdraw(bare.encode()).await;
            let receipt = withdrawn.map_err(DeskError::not_for_good)?;
            self.prove_as(trust, &envelope, &receipt, &[LeafKind::Withdrawn, LeafKind::Sent])?;
            return Ok(());
        }
        for (part, content) in envelope.header().parts().iter().zip(envelope.parts()) {
            if content.is_empty() {
                match self.hand_over_part(mailbox, part).await.map_err(DeskError::not_for_good) {
                    // It was removed when it had arrived; the peer may have it, or the message needs it no more.
                    Err(DeskError::PartUnreadable { .. }) => {}
                    handed_over => handed_over?,
                }
            }
        }
        let again = mailbox.submit_again(entry.envelope.clone(), entry.submission_receipt.clone()).await;
        // It is registered as held and stays so: what the gateway says now has to be mended there.
        let receipt = again.map_err(DeskError::not_for_good)?;
        self.prove_as(trust, &envelope, &receipt, &[LeafKind::Sent])?;
        self.register.note_sent(&entry.id, entry.state, &entry.reason, &receipt, &[])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::message::id::MessageId;
    use crate::message::leaf::Leaf;
    use crate::time::Timestamp;
    use crate::tlog::signed_note::Note;
    use crate::tlog::tlog_proof::TlogProof;

    /// A message with the receipt of its place, if it has one.
    fn sent(channel: &str, sequence: u64, place: Option<(u16, u64)>) -> SentEntry {
        let now = Timestamp::from_seconds(1);
        let receipt = |(year, index): (u16, u64)| {
            let checkpoint =
                Note::parse(&format!("xa/xb/{year}\n9\nAAAA\n\n\u{2014} xa AAAAAAA=\n")).unwrap();
            let proof = TlogProof { extra: Vec::new(), index, path: Vec::new(), checkpoint };
            let leaf = Leaf::about_record(LeafKind::Policy, Digest::of(b"record"), now).bytes();
            Receipt::compose(leaf, proof).unwrap().encode()
        };
        SentEntry {
            id: MessageId::of_header(channel.as_bytes()),
            channel: channel.to_owned(),
            recipient: Ministry::parse("XB").unwrap(),
            consultation: String::new(),
            sequence,
            act_number: 0,
            release_time: now,
            dispatch_digest: Digest::of(b"dispatch"),
            envelope: Vec::new(),
            has_parts_beside: false,
            state: SentState::Queued,
            reason: String::new(),
            submission_receipt: place.map(receipt).unwrap_or_default(),
            delivery_receipt: Vec::new(),
        }
    }

    fn line(channel: &str, places: &[Option<(u16, u64)>]) -> Line {
        let numbered = (1_u64..).zip(places);
        let waiting = numbered.map(|(sequence, place)| sent(channel, sequence, *place)).collect();
        Line { channel: channel.to_owned(), last: 0, waiting }
    }

    #[test]
    fn what_two_channels_lack_goes_back_in_the_order_of_the_log_they_share() {
        let mut lines = [
            line("ch-a", &[Some((2026, 5)), Some((2026, 7)), Some((2027, 1)), None]),
            line("ch-b", &[Some((2026, 6)), Some((2026, 8)), Some((2027, 2))]),
        ];
        let mut order = Vec::new();
        while let Some(entry) = foremost(&mut lines) {
            order.push(format!("{} {}", entry.channel, entry.sequence));
        }
        assert_eq!(order, ["ch-a 1", "ch-b 1", "ch-a 2", "ch-b 2", "ch-a 3", "ch-b 3", "ch-a 4"]);
    }
}
