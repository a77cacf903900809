//! What a terminal may be shown, judged by a stranger: Python's table of Unicode categories.

use std::process::{Command, Stdio};

use chancery::cli::untrusted;

/// Prints every character of the categories control, format, line separator and paragraph separator.
const CATEGORIES: &str = "\
import unicodedata
for code in range(0x110000):
    if unicodedata.category(chr(code)) in ('Cc', 'Cf', 'Zl', 'Zp'):
        print(code)";

#[test]
fn every_control_and_format_character_of_unicode_is_spelled_out() {
    let python = Command::new("python3").args(["-c", CATEGORIES]).stdin(Stdio::null()).output();
    let Ok(python) = python else {
        eprintln!("SKIPPED categories of Unicode: python3 not found");
        return;
    };
    let listed = String::from_utf8(python.stdout).unwrap();
    let hidden: Vec<char> =
        listed.lines().map(|code| char::from_u32(code.parse().unwrap()).unwrap()).collect();
    assert!(hidden.len() > 150, "Python listed next to nothing");
    for c in hidden {
        assert!(untrusted::is_hidden(c), "{c:?} reaches the terminal");
        assert_eq!(untrusted::line(&c.to_string()), format!("\\u{{{:x}}}", u32::from(c)));
    }
}
