//! The operating system's name: `/etc/os-release` and the files of openEuler and EulerOS.

use crate::text::lines;

/// Calls `each` with every `KEY=value`; values are unquoted and their escapes undone, invalid UTF-8 replaced.
pub fn assignments(bytes: &[u8], mut each: impl FnMut(&str, String)) {
    for line in lines(bytes) {
        let line = String::from_utf8_lossy(line.trim_ascii());
        if line.starts_with('#') {
            continue;
        }
        if let Some((key, value)) = line.split_once('=') {
            each(key.trim(), unquote(value.trim()));
        }
    }
}

/// The value of one key.
#[must_use]
pub fn assignment(bytes: &[u8], wanted: &str) -> Option<String> {
    let mut found = None;
    assignments(bytes, |key, value| {
        if key == wanted {
            found = Some(value);
        }
    });
    found.filter(|value| !value.is_empty())
}

/// What a shell would make of the value: quotes removed, a backslash takes the next character as it is.
fn unquote(value: &str) -> String {
    let single = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    if let Some(literal) = single {
        return literal.to_owned();
    }
    let inner = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(character) = chars.next() {
        out.extend(if character == '\\' { chars.next() } else { Some(character) });
    }
    out
}

#[cfg(test)]
mod tests;
