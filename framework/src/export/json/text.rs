//! Texts as JSON writes them, appended without an intermediate value.

use std::fmt::{Display, Write};

/// Appends a text in quotes. No text can end its string, the object or the line.
pub(super) fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= b' ' && byte != b'"' && byte != b'\\' {
            continue;
        }
        // What is escaped is ASCII, so that `at` never falls into a character.
        out.push_str(&text[from..at]);
        from = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => show(out, format_args!("\\u{byte:04x}")),
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// Appends what is safe as it is: numbers, texts that [`quote`] has made.
pub(super) fn show(out: &mut String, shown: impl Display) {
    // Writing to a String cannot fail.
    if write!(out, "{shown}").is_err() {
        tracing::error!("A text refused to be longer.");
    }
}

/// The text in quotes, for what is written again and again.
pub(super) fn quoted(text: &str) -> Box<str> {
    let mut out = String::with_capacity(text.len() + 2);
    quote(&mut out, text);
    out.into_boxed_str()
}

/// Appends names in brackets.
pub(super) fn list<'a>(out: &mut String, names: impl Iterator<Item = &'a str>) {
    out.push('[');
    for (at, name) in names.enumerate() {
        out.push_str(if at == 0 { "" } else { ", " });
        quote(out, name);
    }
    out.push(']');
}
