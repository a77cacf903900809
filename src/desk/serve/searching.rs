//! Searching: messages whose act, numbers or persons contain some words, looked up in the casebook.

use super::Service;
use super::message_out::registered;
use super::pages::{self, Pages};
use super::refusals::Refused;
use crate::consultation::outline::{Field, Value};
use crate::consultation::receive::Received;
use crate::desk::casebook::Kept;
use crate::desk::error::DeskError;
use crate::limits;
use crate::proto::desk::v1 as wire;

impl Service {
    /// Searches.
    pub(super) fn search_messages(
        &self,
        request: &wire::SearchMessagesRequest,
    ) -> Result<wire::SearchMessagesResponse, Refused> {
        let size = pages::size(request.page_size)?;
        if !(2..=limits::SEARCH_BYTES_MAX).contains(&request.query.len()) {
            let message = format!("2 to {} bytes are expected", limits::SEARCH_BYTES_MAX);
            return Err(Refused::field("query", "FIELD_INVALID", message));
        }
        let words: Vec<String> = request.query.split_whitespace().map(str::to_lowercase).collect();
        let pages = Pages::of("search", &[&request.query]);
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
            let from = match &after {
                Some((last, _)) if consultation < last => continue,
                Some((last, next)) if consultation == last => *next,
                _ => 0,
            };
            let kept = self.desk.kept_in(&trust, &self.keys, consultation)?;
            for (place, one) in kept.iter().enumerate().skip(from) {
                looked = looked.saturating_add(1);
                if contains(one, &words) {
                    match self.desk.find(&one.id().to_string()) {
                        Ok(entry) => messages.push(registered(&self.desk, &entry)),
                        // What is not registered any more was never sent.
                        Err(DeskError::NoSuchMessage(_)) => {}
                        Err(cause) => return Err(cause.into()),
                    }
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
}

/// Whether all words stand in what was kept of a message.
fn contains(kept: &Kept, words: &[String]) -> bool {
    let mut text = format!(
        "{} {} {} {}",
        kept.register_number(),
        kept.dispatch.kind,
        kept.dispatch.formal_number,
        kept.header.address().consultation
    );
    if let Received::Read(act) = kept.received() {
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
