//! What reaches the two streams, and what never does.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;

/// A stream that keeps what is written to it.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    pub(in crate::cli) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Streams that are kept, and what they keep: data, then talk.
pub(in crate::cli) fn kept_streams() -> (Streams, Kept, Kept) {
    let (data, talk) = (Kept::default(), Kept::default());
    (Streams { data: Box::new(data.clone()), talk: Box::new(talk.clone()) }, data, talk)
}

struct Closed;

impl Write for Closed {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(ErrorKind::BrokenPipe))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn output(wishes: Wishes) -> (Output, Kept, Kept) {
    let (streams, data, talk) = kept_streams();
    (Output::new(wishes, &Environment::default(), streams), data, talk)
}

const TEXT: Wishes = Wishes { json: false, quiet: false, color: Color::Auto, verbosity: 0 };
const JSON: Wishes = Wishes { json: true, ..TEXT };
const QUIET: Wishes = Wishes { quiet: true, ..TEXT };

fn report() -> Value {
    json!({"schema": "chancery.sent/1", "subject": "a\u{202e}b\u{1b}[2J"})
}

#[test]
fn data_goes_to_stdout_and_talk_to_stderr() {
    let (output, data, talk) = output(TEXT);
    output.data(&report(), || "registered".to_owned()).unwrap();
    output.note("handed over");
    output.next("chancery inbox");
    output.step(Mark::Bad, "signature");
    assert_eq!(data.text(), "registered\n");
    assert_eq!(talk.text(), "handed over\nnext: chancery inbox\n  bad   signature\n");
}

#[test]
fn foreign_text_is_spelled_out_in_every_rendering() {
    let error = CliError::failed("x\u{1b}", "m\u{202e}").cause("c\u{9b}").hint("h\u{7f}").reason("R\u{8}");
    let (text, data, talk) = output(TEXT);
    text.data(&report(), || "a\u{202e}b\u{1b}[2J\nc".to_owned()).unwrap();
    text.note("n\u{1b}]0;x\u{7}");
    text.step(Mark::Ok, "s\n  ok  forged");
    text.error(&error);
    assert_eq!(data.text(), "a\\u{202e}b\\u{1b}[2J\nc\n");
    assert!(!talk.text().contains(|c| c != '\n' && untrusted::is_hidden(c)));
    assert!(talk.text().contains("s\\u{a}  ok  forged"));
    let (script, data, talk) = output(JSON);
    script.data(&report(), String::new).unwrap();
    script.error(&error);
    assert!(data.text().contains("a\\u202eb\\u001b[2J"));
    assert!(!talk.text().trim_end().contains(untrusted::is_hidden));
}

#[test]
fn json_is_one_object_a_line_and_nothing_else() {
    let (output, data, talk) = output(JSON);
    let table = Table::new(["REF"]);
    output.list(&[report(), report()], &table, "nothing").unwrap();
    output.note("note");
    output.step(Mark::Bad, "step");
    output.error(&CliError::failed("x", "y"));
    assert_eq!(data.text().lines().count(), 2);
    let said: Value = serde_json::from_str(&talk.text()).unwrap();
    assert_eq!(said["schema"], "chancery.error/1");
}

#[test]
fn a_report_without_a_versioned_schema_is_not_printed() {
    for schema in ["", "sent/1", "chancery.sent", "chancery./1", "chancery.sent/0", "chancery.Sent/1"] {
        let (output, data, _) = output(JSON);
        assert_eq!(output.data(&json!({"schema": schema}), String::new).unwrap_err().code(), "schema");
        assert_eq!(data.text(), "");
    }
}

#[test]
fn quiet_keeps_data_warnings_and_errors() {
    let (output, data, talk) = output(QUIET);
    output.data(&report(), || "registered".to_owned()).unwrap();
    output.note("note");
    output.step(Mark::Ok, "fine");
    output.step(Mark::Warning, "expires soon");
    output.error(&CliError::failed("x", "y").cause("z\nw").hint("chancery status"));
    assert_eq!(data.text(), "registered\n");
    assert_eq!(talk.text(), "  warn  expires soon\nerror[x]: y\n  z\n  w\nhint: chancery status\n");
}

#[test]
fn details_need_to_be_asked_for() {
    let (plain, _, talk) = output(TEXT);
    plain.detail("how");
    assert_eq!(talk.text(), "");
    let (verbose, _, talk) = output(Wishes { verbosity: 1, ..TEXT });
    verbose.detail("how");
    assert_eq!(talk.text(), "how\n");
}

#[test]
fn an_empty_list_says_so_on_stderr() {
    let (output, data, talk) = output(TEXT);
    output.list(&[], &Table::new(["REF"]), "no messages").unwrap();
    assert_eq!((data.text().as_str(), talk.text().as_str()), ("", "no messages\n"));
}

#[test]
fn a_closed_reader_is_a_quiet_end() {
    let (_, _, talk) = kept_streams();
    let streams = Streams { data: Box::new(Closed), talk: Box::new(talk.clone()) };
    let output = Output::new(TEXT, &Environment::default(), streams);
    let error = output.data(&report(), || "x".to_owned()).unwrap_err();
    output.error(&error);
    assert_eq!(error.kind().exit_code(), 141);
    assert_eq!(talk.text(), "");
}

#[test]
fn colour_follows_the_wish_then_the_environment() {
    let none = Environment::default();
    let declined = Environment::with_variables([("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]);
    let forced = Environment::with_variables([("CLICOLOR_FORCE", "1")]);
    let dumb = Environment::with_variables([("TERM", "dumb")]);
    assert!(in_color(Color::Always, &declined, false));
    assert!(!in_color(Color::Never, &forced, true));
    assert!(!in_color(Color::Auto, &declined, true));
    assert!(in_color(Color::Auto, &forced, false));
    assert!(in_color(Color::Auto, &none, true));
    assert!(!in_color(Color::Auto, &none, false));
    assert!(!in_color(Color::Auto, &dumb, true));
}

#[test]
fn colour_is_added_to_our_words_only() {
    let (output, _, talk) = output(Wishes { color: Color::Always, ..TEXT });
    output.error(&CliError::failed("x", "m\u{1b}[0m"));
    assert_eq!(talk.text(), "\u{1b}[1;31merror[x]\u{1b}[0m: m\\u{1b}[0m\n");
}

#[test]
fn progress_is_silent_without_a_terminal() {
    let (output, data, talk) = output(TEXT);
    let progress = output.progress("statement.pdf", 10);
    progress.advance(10);
    drop(progress);
    assert_eq!((data.text(), talk.text()), (String::new(), String::new()));
}
