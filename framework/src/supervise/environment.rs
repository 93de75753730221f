//! Items and parameters as environment variables, for probes in languages that have no JSON at hand.

use gopher_protocol::control::ConfigMessage;
use serde_json::Value;

/// `GOPHER_ITEMS` with all items that are on, and `GOPHER_PARAM_<NAME>` for each parameter; list elements and items
/// are parted by blanks. A folder that serves several probes finds the items of all of them, and for a parameter
/// that several have the value of the last.
#[must_use]
pub fn of(config: &ConfigMessage) -> Vec<(String, String)> {
    let items: Vec<_> = config.probes.values().flat_map(|probe| &probe.items).cloned().collect();
    let params = config.probes.values().flat_map(|probe| &probe.params);
    let named = params.map(|(name, value)| (format!("GOPHER_PARAM_{}", name.to_uppercase()), text(value)));
    [("GOPHER_ITEMS".to_owned(), items.join(" "))].into_iter().chain(named).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.replace('\0', ""),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_parameters_become_words() {
        let line = r#"{"version":1,"generation":1,"probes":{"p":{"items":["a","b"],
            "params":{"report_period":5,"servers":["x","y z"],"name":"n\u0000m"},
            "scope":{"all":true,"processes":[],"containers":[]}}}}"#;
        let expected = [
            ("GOPHER_ITEMS", "a b"),
            ("GOPHER_PARAM_NAME", "nm"),
            ("GOPHER_PARAM_REPORT_PERIOD", "5"),
            ("GOPHER_PARAM_SERVERS", "x y z"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(of(&ConfigMessage::from_line(line).unwrap()), expected);
    }
}
