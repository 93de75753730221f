//! Texts and JSON as values of attributes.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use serde_json::Value as Json;

/// How deep values may lie within each other; what lies deeper becomes a text. Receivers refuse requests with values
/// too deep, and all else that is in them.
const DEEPEST: usize = 16;

/// A value that is a text.
pub(super) fn text(text: &str) -> AnyValue {
    AnyValue { value: Some(Value::StringValue(text.to_owned())) }
}

/// An attribute with a text.
pub(super) fn attribute(key: &str, value: &str) -> KeyValue {
    pair(key, text(value))
}

/// An attribute.
pub(super) fn pair(key: &str, value: AnyValue) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(value), ..KeyValue::default() }
}

/// A value as JSON has it.
pub(super) fn of_json(json: &Json) -> AnyValue {
    convert(json, DEEPEST)
}

fn convert(json: &Json, depth: usize) -> AnyValue {
    let value = match json {
        Json::Null => None,
        Json::Bool(value) => Some(Value::BoolValue(*value)),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Some(Value::IntValue(whole)),
            None => number.as_f64().map(Value::DoubleValue),
        },
        Json::String(text) => Some(Value::StringValue(text.clone())),
        deep if depth == 0 => Some(Value::StringValue(deep.to_string())),
        Json::Array(values) => {
            let values = values.iter().map(|value| convert(value, depth - 1)).collect();
            Some(Value::ArrayValue(ArrayValue { values }))
        }
        Json::Object(pairs) => {
            let values = pairs.iter().map(|(key, value)| pair(key, convert(value, depth - 1))).collect();
            Some(Value::KvlistValue(KeyValueList { values }))
        }
    };
    AnyValue { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_lie_too_deep_become_a_text() {
        let json = serde_json::from_str(&format!("{}7{}", "[".repeat(40), "]".repeat(40))).unwrap();
        let (mut value, mut depth) = (of_json(&json), 0);
        while let Some(Value::ArrayValue(mut array)) = value.value {
            value = array.values.remove(0);
            depth += 1;
        }
        assert_eq!((depth, value), (16, text(&format!("{}7{}", "[".repeat(24), "]".repeat(24)))));
    }

    #[test]
    fn whole_numbers_stay_exact_and_nothing_stays_nothing() {
        let of = |text: &str| of_json(&serde_json::from_str(text).unwrap()).value;
        assert_eq!(of("9007199254740993"), Some(Value::IntValue(9_007_199_254_740_993)));
        assert_eq!(of("1.5"), Some(Value::DoubleValue(1.5)));
        assert_eq!(of("null"), None);
    }
}
