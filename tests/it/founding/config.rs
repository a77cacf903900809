//! `config show|check|schema` by the real executable: what is in force and where it is from, and every mistake at once.

use std::fs;

use serde_json::Value;

use super::process::Place;

const WHOLE: &str = "ministry = \"XA\"\ndomain = \"mfa.xa.example\"\nrelay_listen = \"127.0.0.1:1\"\n\
                     mailbox_listen = \"127.0.0.1:2\"\n[store]\nfloor_mib = 3\n";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn check_names_every_mistake_with_line_key_and_hint_and_show_refuses_to_guess() {
    let place = Place::new();
    fs::create_dir(place.path("home")).unwrap();
    let wrong = WHOLE.replace("relay_listen", "relay_lisen").replace("= 3", "= \"three\"");
    fs::write(place.path("home/gateway.toml"), &wrong).unwrap();
    let said = place.run(&["--home", "home", "config", "check"]);
    assert_eq!(said.code, 2, "{}", said.talk);
    let expected = [
        "home/gateway.toml:3: relay_lisen: there is no such setting; did you mean relay_listen?",
        "home/gateway.toml:6: store.floor_mib: it is of another kind; write a whole number",
    ];
    for line in expected {
        assert!(said.data.lines().any(|one| one == line), "{}", said.data);
    }
    assert_eq!(said.data.lines().count(), 3, "what is missing is the third: {}", said.data);
    let mistakes = lines(&place.run(&["--json", "config", "check", "home/gateway.toml"]).data);
    let told: Vec<_> =
        mistakes.iter().map(|one| (one["line"].as_u64(), one["key"].as_str().unwrap())).collect();
    assert_eq!(told, [(Some(3), "relay_lisen"), (Some(6), "store.floor_mib"), (None, "relay_listen")]);
    let shown = place.run(&["--home", "home", "config", "show"]);
    assert!(shown.code == 2 && shown.talk.contains("config check"), "{}", shown.talk);
    // The gateway itself refuses the same file for the same reasons, all of them.
    let started = place.daemon(&["check", "--home", "home"]);
    assert!(started.code == 2 && started.talk.contains("relay_lisen"), "{}", started.talk);
    assert!(started.talk.contains("store.floor_mib"), "{}", started.talk);
}

#[test]
fn show_tells_of_every_setting_its_value_and_where_that_is_from() {
    let place = Place::new();
    fs::create_dir(place.path("home")).unwrap();
    fs::write(place.path("home/gateway.toml"), WHOLE).unwrap();
    let said = place.succeed(&["--home", "home", "--json", "config", "show", "--origin"]);
    let settings = lines(&said.data);
    let of = |key: &str| {
        let one = settings.iter().find(|one| one["key"] == key).unwrap();
        (one["value"].clone(), one["origin"].as_str().unwrap().to_owned())
    };
    assert_eq!(of("home"), ("home".into(), "--home".to_owned()));
    assert_eq!(of("store.floor_mib"), (3.into(), "home/gateway.toml:6".to_owned()));
    assert_eq!(of("store.ballast_mib"), (64.into(), "default".to_owned()));
    assert_eq!(of("metrics.listen"), (Value::Null, "not set".to_owned()));
    let text = place.succeed(&["--home", "home", "config", "show"]).data;
    assert!(text.contains("relay_listen") && !text.contains("default"), "{text}");
    let checked = place.json(&["config", "check", "home/gateway.toml"]);
    assert_eq!(checked["mistakes"], 0);
}

#[test]
fn the_schema_is_json_schema_of_the_named_file() {
    let place = Place::new();
    for kind in ["gateway", "desk", "service"] {
        let text = place.succeed(&["config", "schema", kind]).data;
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(schema["title"], format!("{kind}.toml"));
        assert_eq!(schema["additionalProperties"], false);
    }
    assert_eq!(place.run(&["config", "schema", "spoon"]).code, 2);
    let unnamed = place.run(&["config", "check", "words"]);
    assert!(unnamed.code == 2 && unnamed.talk.contains("--as gateway"), "{}", unnamed.talk);
}
