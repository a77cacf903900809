//! Searching: messages whose act, numbers or persons contain some words, or that are of some person, act, sender or
//! time, looked up in the casebook.

use super::Service;
use super::listing::{is_in, sent_state};
use super::message_out::{FIELDS, masked, registered};
use super::pages::{self, Mask, Pages, Span};
use super::refusals::Refused;
use crate::consultation::act::ActKind;
use crate::consultation::outline::{Field, Value};
use crate::consultation::receive::Received;
use crate::consultation::reference::{ConsultationId, PersonRef};
use crate::consultation::withholding::Withheld;
use crate::desk::casebook::Kept;
use crate::desk::error::DeskError;
use crate::desk::register::SentState;
use crate::limits;
use crate::proto::desk::v1 as wire;
use crate::trust::name::Ministry;

/// What is searched for.
struct Wanted {
    words: Vec<String>,
    consultation: Option<String>,
    person: Option<PersonRef>,
    act: Option<ActKind>,
    sender: Option<Ministry>,
    span: Span,
    state: Option<SentState>,
}

impl Wanted {
    fn read(request: &wire::SearchMessagesRequest) -> Result<Self, Refused> {
        let invalid = |field: &str, message: &str| Refused::field(field, "FIELD_INVALID", message);
        let wanted = Self {
            words: request.query.split_whitespace().map(str::to_lowercase).collect(),
            consultation: named(&request.consultation, |name| {
                let id = ConsultationId::parse(name.strip_prefix("consultations/").unwrap_or(name)).ok()?;
                Some(id.text())
            })
            .ok_or_else(|| invalid("consultation", "consultations/C-... is expected"))?,
            person: named(&request.person, |text| PersonRef::parse(text).ok())
                .ok_or_else(|| invalid("person", "P-... is expected"))?,
            act: named(&request.act, |word| ActKind::ALL.iter().copied().find(|kind| kind.word() == word))
                .ok_or_else(|| invalid("act", "there is no such kind of act"))?,
            sender: named(&request.sender, |code| Ministry::parse(code).ok())
                .ok_or_else(|| invalid("sender", "the code of a ministry is expected"))?,
            span: Span::read(request.from_time, request.before_time)?,
            state: sent_state(request.state)?,
        };
        let length = request.query.len();
        let asks_for_words = (2..=limits::SEARCH_BYTES_MAX).contains(&length) && !wanted.words.is_empty();
        if !asks_for_words && (length > 0 || wanted.is_open()) {
            let most = limits::SEARCH_BYTES_MAX;
            return Err(invalid(
                "query",
                &format!("2 to {most} bytes are expected, or something else to go by"),
            ));
        }
        Ok(wanted)
    }

    /// Whether nothing but words is asked for.
    fn is_open(&self) -> bool {
        let Self { consultation, person, act, sender, span, state, .. } = self;
        let is_unbounded = *span == Span::default();
        (consultation.is_none() && person.is_none() && act.is_none())
            && (sender.is_none() && state.is_none() && is_unbounded)
    }

    /// Everything but the state, which stands in the register.
    fn takes(&self, kept: &Kept) -> bool {
        let received = kept.received();
        let act = match &received {
            Received::Read(act) => Some(act),
            _ => None,
        };
        self.sender.as_ref().is_none_or(|wanted| *wanted == kept.header.address().sender)
            && self.act.is_none_or(|wanted| kept.dispatch.kind == wanted.word())
            && self.span.contains(kept.header.position().release_time)
            && self.person.is_none_or(|wanted| act.is_some_and(|act| act.persons().contains(&wanted)))
            && contains(kept, &received, &self.words)
    }
}

/// A filter that may be left out; none where it is not readable.
fn named<T>(text: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { read(text).map(Some) }
}

impl Service {
    /// Searches.
    pub(super) fn search_messages(
        &self,
        request: &wire::SearchMessagesRequest,
    ) -> Result<wire::SearchMessagesResponse, Refused> {
        let size = pages::size(request.page_size)?;
        let wanted = Wanted::read(request)?;
        // A search opens nothing: it has no content to show.
        let fields: Vec<&str> = FIELDS.iter().copied().filter(|field| *field != "content").collect();
        let mask = Mask::parse(request.read_mask.clone(), &fields)?;
        let filter = wire::SearchMessagesRequest {
            page_token: String::new(),
            page_size: 0,
            read_mask: None,
            ..request.clone()
        };
        let pages = Pages::of_message("search", &filter);
        let wrong = || Refused::field("page_token", "INVALID_PAGE_TOKEN", "it is not a token of this search");
        let after = match pages.place(&request.page_token)? {
            None => None,
            Some(place) => {
                let (consultation, index) = place.split_once('/').ok_or_else(wrong)?;
                Some((consultation.to_owned(), index.parse::<usize>().map_err(|_| wrong())?))
            }
        };
        let trust = self.trust()?;
        let index = self.desk.casebook(&trust, &self.keys)?;
        let (mut messages, mut looked) = (Vec::new(), 0_usize);
        for consultation in index.consultations() {
            if wanted.consultation.as_ref().is_some_and(|named| named != consultation) {
                continue;
            }
            let from = match &after {
                Some((last, _)) if consultation < last => continue,
                Some((last, next)) if consultation == last => *next,
                _ => 0,
            };
            let kept = self.desk.kept_in(&trust, &self.keys, consultation)?;
            for (place, one) in kept.iter().enumerate().skip(from) {
                looked = looked.saturating_add(1);
                if wanted.takes(one) {
                    messages.extend(self.found(one, wanted.state)?.map(|found| masked(found, &mask)));
                }
                if messages.len() >= size || looked >= limits::PAGE_ROWS_MAX {
                    let next = place.saturating_add(1);
                    let next_page_token = pages.token(&format!("{consultation}/{next}"));
                    return Ok(wire::SearchMessagesResponse { messages, next_page_token });
                }
            }
        }
        Ok(wire::SearchMessagesResponse { messages, next_page_token: String::new() })
    }

    /// A message as it is registered, if it is in the state that is wanted.
    fn found(&self, kept: &Kept, state: Option<SentState>) -> Result<Option<wire::Message>, Refused> {
        match self.desk.find(&kept.id().to_string()) {
            Ok(entry) if is_in(&entry, state) => Ok(Some(registered(&self.desk, &entry))),
            // What is not registered any more was never sent.
            Ok(_) | Err(DeskError::NoSuchMessage(_) | DeskError::NotSentYet { .. }) => Ok(None),
            Err(cause) => Err(cause.into()),
        }
    }
}

/// Whether all words stand in what was kept of a message.
fn contains(kept: &Kept, received: &Received, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let mut text = format!(
        "{} {} {} {}",
        kept.register_number(),
        kept.dispatch.kind,
        kept.dispatch.formal_number,
        kept.header.address().consultation
    );
    // Who a person is is not found by trying.
    if let Received::Read(act) = received
        && !Withheld::of(Some(act), &[]).words()
    {
        act.outline().iter().for_each(|field| collect(field, &mut text));
    }
    let text = text.to_lowercase();
    words.iter().all(|word| text.contains(word.as_str()))
}

fn collect(field: &Field, into: &mut String) {
    collect_value(&field.value, into);
}

fn collect_value(value: &Value, into: &mut String) {
    match value {
        Value::List(values) => values.iter().for_each(|value| collect_value(value, into)),
        Value::Group(fields) => fields.iter().for_each(|field| collect(field, into)),
        single => {
            if let Some(text) = single.as_text() {
                into.push(' ');
                into.push_str(&text);
            }
        }
    }
}
