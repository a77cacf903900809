//! A table of settings as JSON Schema, for editors and for whoever makes configurations by program.

use serde_json::{Map, Value, json};

use super::{Form, Kind, Setting, Usual};
use crate::trust::role::Role;

impl Form {
    /// The JSON Schema of this file.
    pub fn schema(&self) -> Value {
        let settings: Vec<(&str, &Setting)> =
            self.settings.iter().map(|setting| (setting.key, setting)).collect();
        let mut schema = object(&settings);
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!(self.file));
        schema.insert("description".to_owned(), json!(self.about));
        Value::Object(schema)
    }
}

/// A table with these settings, each by its name within it.
fn object(settings: &[(&str, &Setting)]) -> Map<String, Value> {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, setting) in settings {
        let Some((table, _)) = name.split_once('.') else {
            if setting.usual == Usual::Required {
                required.push(json!(name));
            }
            properties.insert((*name).to_owned(), value(setting));
            continue;
        };
        let key = table.trim_end_matches("[]").to_owned();
        if properties.contains_key(&key) {
            continue;
        }
        let start = format!("{table}.");
        let within =
            settings.iter().filter_map(|(name, setting)| Some((name.strip_prefix(&start)?, *setting)));
        let inner = Value::Object(object(&within.collect::<Vec<_>>()));
        let is_list = table.ends_with("[]");
        properties.insert(key, if is_list { json!({ "type": "array", "items": inner }) } else { inner });
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    schema.insert("additionalProperties".to_owned(), json!(false));
    if !required.is_empty() {
        schema.insert("required".to_owned(), Value::Array(required));
    }
    schema
}

fn value(setting: &Setting) -> Value {
    let mut schema = match setting.kind {
        Kind::Collector => json!({ "type": "string", "pattern": "^http://.+:[0-9]{1,5}$" }),
        Kind::Count(most) => json!({ "type": "integer", "minimum": 0, "maximum": most }),
        Kind::Domain => json!({ "type": "string", "pattern": DOMAIN }),
        Kind::Endpoint | Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Label => json!({ "type": "string", "pattern": LABEL }),
        Kind::Labels => json!({ "type": "array", "items": { "type": "string", "pattern": LABEL } }),
        Kind::Ministry => json!({ "type": "string", "pattern": "^[A-Z]{2,8}$" }),
        Kind::OneOf(words) => json!({ "type": "string", "enum": words }),
        Kind::Roles => {
            let words: Vec<&str> = Role::ALL.iter().map(|role| role.word()).collect();
            json!({ "type": "array", "items": { "enum": words } })
        }
        Kind::Socket => json!({ "type": "string", "pattern": ":[0-9]{1,5}$" }),
    };
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("description".to_owned(), json!(setting.about));
        match setting.usual {
            Usual::Number(usual) => drop(schema.insert("default".to_owned(), json!(usual))),
            Usual::Flag(usual) => drop(schema.insert("default".to_owned(), json!(usual))),
            Usual::Word(usual) => drop(schema.insert("default".to_owned(), json!(usual))),
            Usual::Nothing | Usual::Required => {}
        }
    }
    schema
}

const LABEL: &str = "^[a-z0-9-]{1,32}$";
const DOMAIN: &str = "^[a-z0-9-]+(\\.[a-z0-9-]+)*$";

#[cfg(test)]
mod tests {
    use super::super::{FORMS, GATEWAY, SERVICE};
    use super::*;

    #[test]
    fn every_setting_is_in_the_schema_where_a_file_has_it_and_nothing_else_may_be() {
        for form in FORMS {
            let schema = form.schema();
            for setting in form.settings {
                let mut at = &schema;
                for name in setting.key.split('.') {
                    assert_eq!(at["additionalProperties"], false, "{}", setting.key);
                    at = &at["properties"][name.trim_end_matches("[]")];
                    if name.ends_with("[]") {
                        at = &at["items"];
                    }
                }
                assert_eq!(at["description"], setting.about, "{} of {}", setting.key, form.file);
            }
        }
        let schema = GATEWAY.schema();
        assert_eq!(schema["required"], json!(["ministry", "domain", "relay_listen", "mailbox_listen"]));
        assert_eq!(schema["properties"]["metrics"]["required"], json!(["listen"]));
        assert_eq!(schema["properties"]["store"]["properties"]["floor_mib"]["default"], 256);
        assert_eq!(
            SERVICE.schema()["properties"]["user"]["items"]["required"],
            json!(["uid", "name", "roles"])
        );
    }
}
