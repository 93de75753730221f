//! Conversion between checked values and the typed fields of the configuration.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::kind::Value;
use super::model::{LogFormat, LogLevel, ProbeState, Size};

/// A field's type: into a value and back.
pub(super) trait Setting: Sized {
    fn to_value(&self) -> Value;
    /// `None` when the value is of another kind than the field.
    fn from_value(value: Value) -> Option<Self>;
}

/// Puts a value into a field; a value of another kind changes nothing (a test of the key table excludes it).
pub(super) fn assign<S: Setting>(field: &mut S, value: Value) {
    if let Some(new) = S::from_value(value) {
        *field = new;
    }
}

macro_rules! plain_setting {
    ($type:ty, $variant:ident) => {
        impl Setting for $type {
            fn to_value(&self) -> Value {
                Value::$variant(self.clone())
            }
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::$variant(inner) => Some(inner),
                    _ => None,
                }
            }
        }
    };
}

plain_setting!(bool, Bool);
plain_setting!(Duration, Duration);
plain_setting!(String, Text);

impl Setting for Size {
    fn to_value(&self) -> Value {
        Value::Size(self.0)
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Size(bytes) => Some(Self(bytes)),
            _ => None,
        }
    }
}

macro_rules! whole_setting {
    ($type:ty) => {
        impl Setting for $type {
            fn to_value(&self) -> Value {
                // Bounds of every key are far below i64::MAX.
                Value::Integer(i64::try_from(*self).unwrap_or(i64::MAX))
            }
            fn from_value(value: Value) -> Option<Self> {
                match value {
                    Value::Integer(n) => Self::try_from(n).ok(),
                    _ => None,
                }
            }
        }
    };
}

whole_setting!(u32);
whole_setting!(u64);

/// Enums and their names in the file; the list of names is also what the key accepts.
macro_rules! choice_setting {
    ($type:ident, $names:ident: $($variant:ident = $name:literal),+) => {
        pub(in crate::config) const $names: &[&str] = &[$($name),+];
        impl $type {
            /// The name in the file.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
        impl Setting for $type {
            fn to_value(&self) -> Value {
                Value::Text(self.name().to_owned())
            }
            fn from_value(value: Value) -> Option<Self> {
                match String::from_value(value)?.as_str() {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

pub(super) use choice_setting;

choice_setting!(LogLevel, LOG_LEVELS: Error = "error", Warn = "warn", Info = "info", Debug = "debug", Trace = "trace");
choice_setting!(LogFormat, LOG_FORMATS: Text = "text", Json = "json");
choice_setting!(ProbeState, PROBE_STATES: Auto = "auto", Running = "running", Stopped = "stopped");

impl Setting for PathBuf {
    fn to_value(&self) -> Value {
        Value::Text(self.to_string_lossy().into_owned())
    }
    fn from_value(value: Value) -> Option<Self> {
        String::from_value(value).map(PathBuf::from)
    }
}

/// An empty path is none.
impl Setting for Option<PathBuf> {
    fn to_value(&self) -> Value {
        self.clone().unwrap_or_default().to_value()
    }
    fn from_value(value: Value) -> Option<Self> {
        PathBuf::from_value(value).map(|path| (!path.as_os_str().is_empty()).then_some(path))
    }
}

impl Setting for Option<SocketAddr> {
    fn to_value(&self) -> Value {
        Value::Text(self.map(|a| a.to_string()).unwrap_or_default())
    }
    fn from_value(value: Value) -> Option<Self> {
        let text = String::from_value(value)?;
        if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
    }
}

/// An empty list is refused where a probe's items are read, so it can stand for "all".
impl Setting for Option<Vec<String>> {
    fn to_value(&self) -> Value {
        self.clone().unwrap_or_default().to_value()
    }
    fn from_value(value: Value) -> Option<Self> {
        Vec::from_value(value).map(Some)
    }
}

impl<S: Setting> Setting for Vec<S> {
    fn to_value(&self) -> Value {
        Value::List(self.iter().map(S::to_value).collect())
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::List(items) => items.into_iter().map(S::from_value).collect(),
            _ => None,
        }
    }
}

/// A probe's parameter, in the form in which manifests and control messages hold it.
impl Setting for serde_json::Value {
    fn to_value(&self) -> Value {
        match self {
            Self::Bool(b) => Value::Bool(*b),
            Self::Number(n) => {
                n.as_i64().map_or_else(|| Value::Float(n.as_f64().unwrap_or_default()), Value::Integer)
            }
            Self::String(s) => Value::Text(s.clone()),
            Self::Array(items) => Value::List(items.iter().map(Self::to_value).collect()),
            Self::Null | Self::Object(_) => Value::Table(BTreeMap::new()),
        }
    }
    fn from_value(value: Value) -> Option<Self> {
        match value {
            Value::Integer(n) => Some(n.into()),
            Value::Float(x) => serde_json::Number::from_f64(x).map(Self::Number),
            Value::Text(s) => Some(s.into()),
            Value::List(items) => items.into_iter().map(Self::from_value).collect(),
            Value::Bool(_) | Value::Duration(_) | Value::Size(_) | Value::Table(_) => None,
        }
    }
}

impl<S: Setting> Setting for BTreeMap<String, S> {
    fn to_value(&self) -> Value {
        Value::Table(self.iter().map(|(name, s)| (name.clone(), s.to_value())).collect())
    }
    fn from_value(value: Value) -> Option<Self> {
        entries_of(value)?.into_iter().map(|(name, v)| Some((name, S::from_value(v)?))).collect()
    }
}

pub(super) fn entries_of(value: Value) -> Option<BTreeMap<String, Value>> {
    match value {
        Value::Table(entries) => Some(entries),
        _ => None,
    }
}

/// The entry, or the type's default where it is left out; `None` when it is of another kind.
pub(super) fn take<S: Setting + Default>(entries: &mut BTreeMap<String, Value>, name: &str) -> Option<S> {
    entries.remove(name).map_or_else(|| Some(S::default()), S::from_value)
}
