//! Messages as clients see them: what the register holds of them, and what they say once they were opened.

use super::draft_out::{addressees, document, findings};
use super::names;
use super::pages::maskable;
use super::refusals::Refused;
use crate::consultation::withholding::Withheld;
use crate::desk::Desk;
use crate::desk::parts::OpenedText;
use crate::desk::read::Opened;
use crate::desk::reference::Entry;
use crate::desk::register::SentState;
use crate::limits;
use crate::proto::desk::v1 as wire;
use crate::proto::message::v1 as message;
use crate::time::Timestamp;

maskable! {
    pub(super) wire::Message:
    name,
    register_number,
    direction,
    sender,
    recipient,
    channel,
    consultation,
    sequence,
    act_number,
    release_time,
    receive_time,
    read_time,
    state,
    reason,
    content,
}

/// A message as it is registered, without content.
pub(super) fn registered(desk: &Desk, entry: &Entry) -> wire::Message {
    let own = &desk.config().ministry;
    let common = wire::Message {
        name: format!("messages/{}", entry.id()),
        register_number: entry.reference(own),
        consultation: format!("consultations/{}", entry.consultation()),
        ..wire::Message::default()
    };
    match entry {
        Entry::Received(received) => wire::Message {
            direction: wire::Direction::Received.into(),
            sender: received.sender.to_string(),
            recipient: own.to_string(),
            channel: received.channel.clone(),
            sequence: received.sequence,
            act_number: received.act_number,
            release_time: received.release_time.seconds(),
            receive_time: received.receive_time.seconds(),
            read_time: received.read_time.map_or(0, Timestamp::seconds),
            reason: received.refusal.clone(),
            ..common
        },
        Entry::Sent(sent) => wire::Message {
            direction: wire::Direction::Sent.into(),
            sender: own.to_string(),
            recipient: sent.recipient.to_string(),
            channel: sent.channel.clone(),
            sequence: sent.sequence,
            act_number: sent.act_number,
            release_time: sent.release_time.seconds(),
            state: state(sent.state).into(),
            reason: sent.reason.clone(),
            ..common
        },
    }
}

/// What an opened message says.
pub(super) fn content(
    opened: &Opened,
    texts: &[OpenedText<'_>],
    withheld: &Withheld,
) -> wire::MessageContent {
    let (address, dispatch) = (opened.envelope.header().address(), opened.dispatch.dispatch());
    let shown = |(place, one): (usize, &crate::message::dispatch::Document)| {
        let text = texts.iter().find(|text| text.document.document_id == one.document_id);
        let text = text.filter(|_| !withheld.document(place));
        let words = text.filter(|text| text.bytes.len() <= limits::SHOWN_TEXT_BYTES_MAX);
        let words = words.and_then(|text| std::str::from_utf8(&text.bytes).ok()).unwrap_or_default();
        wire::DocumentInfo { words: words.to_owned(), ..document(one, withheld.document(place)) }
    };
    let expected = dispatch.authentications.iter().map(|one| message::ExpectedAuthentication {
        kind: one.kind.number(),
        credential: one.credential.to_string(),
    });
    wire::MessageContent {
        kind: dispatch.kind.clone(),
        act: opened.act().and_then(|act| names::shown(act, withheld)),
        form: dispatch.form.number(),
        formal_number: dispatch.formal_number.clone(),
        precedence: address.precedence.number(),
        level: address.level.number(),
        national_label: dispatch.marking.national_label.clone(),
        caveats: dispatch.marking.caveats.iter().map(|caveat| caveat.number()).collect(),
        in_reply_to: dispatch.in_reply_to.map(|id| format!("messages/{id}")).unwrap_or_default(),
        reply_due_time: dispatch.reply_due.map_or(0, Timestamp::seconds),
        addressees: addressees(&address.addressees),
        documents: dispatch.documents.iter().enumerate().map(shown).collect(),
        authentications: expected.collect(),
        findings: findings(&opened.findings),
        waits_for: u32::try_from(opened.waits_for.len()).unwrap_or(u32::MAX),
        dispatch_digest: opened.dispatch.digest().as_bytes().to_vec(),
    }
}

/// A message without its words where those before it have taken the room of the page.
pub(super) fn within(mut message: wire::Message, room: &mut usize) -> wire::Message {
    let Some(content) = &mut message.content else { return message };
    let length = content.documents.iter().map(|one| one.words.len()).fold(0, usize::saturating_add);
    match room.checked_sub(length) {
        Some(rest) => *room = rest,
        None => content.documents.iter_mut().for_each(|one| one.words.clear()),
    }
    message
}

/// A message of a list that was to be opened and was not, with the reason, whatever the mask names.
pub(super) fn saying_why(mut message: wire::Message, refused: &Refused) -> wire::Message {
    if message.reason.is_empty() {
        message.reason = refused.reason().to_owned();
    }
    message
}

fn state(state: SentState) -> wire::SentState {
    match state {
        SentState::Released => wire::SentState::Released,
        SentState::Queued => wire::SentState::Queued,
        SentState::Delivered => wire::SentState::Delivered,
        SentState::Rejected => wire::SentState::Rejected,
        SentState::Expired => wire::SentState::Expired,
        SentState::Withdrawn => wire::SentState::Withdrawn,
        SentState::Void => wire::SentState::Void,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::error::DeskError;
    use crate::limits::LISTED_WORDS_BYTES_MAX;

    #[test]
    fn a_message_of_a_list_that_does_not_open_says_why() {
        let away = Refused::from(DeskError::GatewayAway("it is away".to_owned()));
        let told = |reason: &str| {
            let message = wire::Message { reason: reason.to_owned(), ..Default::default() };
            saying_why(message, &away).reason
        };
        assert_eq!([told(""), told("SEAL_BROKEN")], ["GATEWAY_AWAY", "SEAL_BROKEN"]);
    }

    #[test]
    fn a_page_holds_so_many_words_and_says_the_rest_without() {
        let message = |length: usize| {
            let document = wire::DocumentInfo { words: "x".repeat(length), ..Default::default() };
            let content = wire::MessageContent { documents: vec![document], ..Default::default() };
            wire::Message { content: Some(content), ..Default::default() }
        };
        let words = |message: wire::Message| message.content.unwrap().documents[0].words.len();
        let mut room = LISTED_WORDS_BYTES_MAX;
        assert_eq!(words(within(message(LISTED_WORDS_BYTES_MAX - 1), &mut room)), LISTED_WORDS_BYTES_MAX - 1);
        assert_eq!(words(within(message(2), &mut room)), 0);
        assert_eq!(words(within(message(1), &mut room)), 1);
    }
}
