//! OTel log lines: six fields that are JSON already, with the host added to their resource.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::Json;
use super::text::{quote, show};

/// Names of the fields, in line order.
const FIELDS: [&str; 6] = ["Timestamp", "SeverityText", "SeverityNumber", "Resource", "Attributes", "Body"];
/// What stands for a field that is empty; the time of arrival for the first.
const EMPTY: [&str; 6] = ["", "\"\"", "0", "{}", "{}", "\"\""];
const RESOURCE: usize = 3;

impl Json {
    /// A log. A field that is not JSON becomes a text.
    pub(super) fn log(&self, out: &mut String, time: u64, fields: &[Box<str>]) {
        for (at, (name, empty)) in FIELDS.into_iter().zip(EMPTY).enumerate() {
            show(out, format_args!("{}\"{name}\":", if at == 0 { '{' } else { ',' }));
            let field = fields.get(at).map_or("", |field| field.trim());
            let field = if field.is_empty() { empty } else { field };
            match at {
                0 if field.is_empty() => show(out, time),
                RESOURCE => self.resource(out, field),
                _ => checked(out, field),
            }
        }
        out.push('}');
    }

    /// The resource with what is known of the host, unless the probe has said that itself.
    fn resource(&self, out: &mut String, text: &str) {
        let (said, rest) = match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(said) => {
                one_line(out, text.trim_end().strip_suffix('}').unwrap_or(text));
                (said, "")
            }
            Err(_) => (Map::new(), text),
        };
        let mut separator = if said.is_empty() { "" } else { "," };
        if !rest.is_empty() {
            out.push_str("{\"resource\":");
            quote(out, rest);
            separator = ",";
        }
        for (name, value) in self.resource.iter().filter(|(name, _)| !said.contains_key(*name)) {
            show(out, format_args!("{separator}\"{name}\":{value}"));
            separator = ",";
        }
        out.push('}');
    }
}

/// Appends what is JSON as it is, else as a text.
fn checked(out: &mut String, text: &str) {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => one_line(out, text),
        Err(_) => quote(out, text),
    }
}

/// Line breaks in JSON are space between its parts; within its texts they are escaped.
fn one_line(out: &mut String, json: &str) {
    out.extend(json.chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
}
