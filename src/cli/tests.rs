//! How a command begins and ends, whichever it is.

use serde_json::Value;

use super::*;

async fn typed(args: &[&str]) -> (u8, String, String) {
    let (streams, data, talk) = output::tests::kept_streams();
    let args = std::iter::once("chancery").chain(args.iter().copied()).map(OsString::from).collect();
    let code = run(args, Environment::default(), streams).await;
    (code, data.text(), talk.text())
}

#[test]
fn the_command_tree_is_well_formed() {
    command().debug_assert();
}

#[tokio::test]
async fn the_version_is_data() {
    let (code, data, talk) = typed(&["version"]).await;
    assert_eq!((code, data, talk), (0, format!("chancery {}\n", env!("CARGO_PKG_VERSION")), String::new()));
    let (_, data, _) = typed(&["version", "--json"]).await;
    assert_eq!(serde_json::from_str::<Value>(&data).unwrap()["schema"], "chancery.version/1");
}

#[tokio::test]
async fn help_is_data_and_lists_the_topics() {
    for args in [&["--help"][..], &["help"]] {
        let (code, data, talk) = typed(args).await;
        assert_eq!((code, talk.as_str()), (0, ""));
        assert!(data.contains("exit-codes") && data.contains("Examples:"), "{data}");
    }
    for (args, topic) in [(&["--json", "help"][..], ""), (&["help", "exit-codes", "--json"], "exit-codes")] {
        let (code, data, _) = typed(args).await;
        let page: Value = serde_json::from_str(&data).unwrap();
        assert_eq!((code, &page["schema"], &page["topic"]), (0, &"chancery.help/1".into(), &topic.into()));
        assert!(page["text"].as_str().unwrap().len() > 100, "{page}");
    }
    let (code, data, _) = typed(&["help", "exit-codes"]).await;
    assert!(code == 0 && data.starts_with("EXIT CODES"));
}

#[tokio::test]
async fn a_mistake_in_the_command_is_exit_2_with_the_help_to_read() {
    let (code, data, talk) = typed(&["version", "--verison"]).await;
    assert_eq!((code, data.as_str()), (2, ""));
    assert!(talk.starts_with("error[usage]: unexpected argument '--verison' found\n"), "{talk}");
    assert!(talk.ends_with("hint: chancery version --help\n"), "{talk}");
    let (code, _, talk) = typed(&["help", "catch-all"]).await;
    assert_eq!(code, 2);
    assert!(talk.ends_with("hint: chancery help\n"), "{talk}");
}

#[tokio::test]
async fn a_file_that_is_not_there_is_looked_for_with_the_command_that_is_hinted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/such.toml");
    let (path, shown) = (path.to_str().unwrap(), folder.path().display());
    for args in [&["rehearse", path][..], &["peer", "inspect", path], &["backup", "verify", path]] {
        let (code, _, talk) = typed(args).await;
        assert!(code == 7 && talk.ends_with(&format!("hint: ls -la {shown}\n")), "{args:?}: {talk}");
    }
}

#[tokio::test]
async fn a_duration_that_belongs_to_wait_is_told_how_it_is_typed() {
    let (code, _, talk) = typed(&["send", "note.toml", "--wait", "5s", "--yes"]).await;
    assert!(code == 2 && talk.ends_with("hint: chancery send note.toml --wait=5s --yes\n"), "{talk}");
    let (code, _, talk) = typed(&["send", "note.toml", "--wait", "other.toml"]).await;
    assert!(code == 2 && talk.ends_with("hint: chancery send --help\n"), "{talk}");
}

#[tokio::test]
async fn a_value_that_is_none_leads_to_the_list_of_those_that_are() {
    for (args, hint) in [
        (&["new", "nosuch", "--to", "XB"][..], "chancery acts"),
        (&["acts", "nosuch"], "chancery acts"),
        (
            &["--home", "xa/desk", "consultation", "show", "C-UNKNOWN"],
            "chancery --home xa/desk consultation list",
        ),
        (&["consultation", "show", "P-7QK4-M2XD-9WTV"], "chancery person show P-7QK4-M2XD-9WTV"),
        (&["new", "position-statement", "--to", "x y"], "chancery new --help"),
    ] {
        let (code, _, talk) = typed(args).await;
        assert!(code == 2 && talk.ends_with(&format!("hint: {hint}\n")), "{args:?}: {talk}");
    }
}

#[test]
fn a_command_is_typed_again_without_one_of_its_options() {
    let without = |typed| typed_without(typed, "--after");
    assert_eq!(without("chancery queue list -n 2"), "chancery queue list -n 2");
    assert_eq!(without("chancery queue list --after 1.2 -n 2"), "chancery queue list -n 2");
    assert_eq!(without("chancery queue list --after=1.2 -n 2"), "chancery queue list -n 2");
    assert_eq!(without("chancery queue list --afterwards 2"), "chancery queue list --afterwards 2");
}

#[test]
fn a_command_is_typed_again_with_another_word_and_everything_else() {
    let with = |typed, word| typed_with(typed, word, "P-2");
    let typed = "chancery --home a/P-1 withdraw P-1 --to XB";
    assert_eq!(with(typed, "P-1").as_deref(), Some("chancery --home a/P-1 withdraw P-2 --to XB"));
    assert_eq!(with("chancery withdraw 'p 1'", "p 1").as_deref(), Some("chancery withdraw P-2"));
    assert_eq!(with("chancery withdraw P-12", "P-1"), None);
}

#[tokio::test]
async fn retry_without_a_message_names_the_way_to_retry_all() {
    for (args, hint) in [
        (&["queue", "retry"][..], "chancery queue retry --all CODE"),
        (&["queue", "retry", "XB"], "chancery queue retry --all XB"),
        (&["queue", "show", "XA-XB-2026-0002"], "chancery queue list"),
    ] {
        let (code, _, talk) = typed(args).await;
        assert!(code == 2 && talk.ends_with(&format!("hint: {hint}\n")), "{talk}");
    }
}

#[tokio::test]
async fn a_mistake_under_json_is_one_object() {
    let (code, data, talk) = typed(&["--json", "nonsense"]).await;
    assert_eq!((code, data.as_str()), (2, ""));
    let said: Value = serde_json::from_str(&talk).unwrap();
    assert_eq!((said["code"].as_str(), said["exit"].as_u64()), (Some("usage"), Some(2)));
    assert_eq!(said["hint"], "chancery --help");
}

#[tokio::test]
async fn no_command_at_all_shows_the_help_on_stderr() {
    let (code, data, talk) = typed(&[]).await;
    assert_eq!((code, data.as_str()), (2, ""));
    assert!(talk.contains("Examples:"));
}

#[tokio::test]
async fn no_abbreviation_is_a_command() {
    assert_eq!(typed(&["vers"]).await.0, 2);
}

#[tokio::test]
async fn every_shell_gets_its_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, data, _) = typed(&["completions", shell]).await;
        assert!(code == 0 && data.contains("chancery") && data.len() > 500, "{shell}");
    }
}

#[tokio::test]
async fn the_manual_has_a_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("man");
    let args = ["man", "-o", path.to_str().unwrap()];
    assert_eq!(typed(&args).await.0, 0);
    let page = std::fs::read_to_string(path.join("chancery-version.1")).unwrap();
    assert!(page.contains(".TH CHANCERY-VERSION 1"), "{page}");
    let (code, _, talk) = typed(&args).await;
    assert_eq!(code, 7);
    assert!(talk.contains(" --overwrite\n"), "{talk}");
    assert_eq!(typed(&[&args[..], &["--overwrite"]].concat()).await.0, 0);
}

#[test]
fn a_hint_repeats_the_command_so_that_it_can_be_pasted() {
    let args = ["/usr/bin/chancery", "send", "note verbale.toml", "-a", "it's.pdf", ""].map(OsString::from);
    assert_eq!(as_typed(&args), r"chancery send 'note verbale.toml' -a 'it'\''s.pdf' ''");
}

#[tokio::test]
async fn an_option_that_a_hint_adds_again_counts_as_given_last() {
    let args = ["version", "--timeout", "1s", "--home", "a", "--timeout", "4s", "--home", "b", "-vv"];
    assert_eq!(typed(&args).await.0, 0);
}
