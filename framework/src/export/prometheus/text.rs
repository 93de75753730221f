//! Labels and numbers as Prometheus writes them.

use gopher_protocol::number::Number;

use crate::store::{Labels, Layout};

/// The labels of a series as `{a="x",b="y"` without the closing brace, so that `le` can follow; made once.
pub(super) fn labels<'a>(labels: &'a Labels, layout: &Layout) -> &'a str {
    labels.text(|| {
        let mut text = String::from("{");
        labels.each(layout, |name, value| push_label(&mut text, name, value));
        text.into_boxed_str()
    })
}

/// Appends `name="value"`, after a comma where it is not the first. The value is escaped: no text in it can end the
/// label, the sample or the line.
pub(super) fn push_label(text: &mut String, name: &str, value: &str) {
    if !text.ends_with('{') {
        text.push(',');
    }
    text.push_str(name);
    text.push_str("=\"");
    let mut rest = value;
    while let Some(at) = rest.find(['\\', '"', '\n']) {
        text.push_str(&rest[..at]);
        text.push_str(match rest.as_bytes()[at] {
            b'\\' => r"\\",
            b'"' => "\\\"",
            _ => r"\n",
        });
        rest = &rest[at + 1..];
    }
    text.push_str(rest);
    text.push('"');
}

/// Appends a number; integers as they are, so that a u64 stays exact in the text.
#[inline]
pub(super) fn push_number(out: &mut Vec<u8>, number: Number) {
    number.write(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_value_cannot_leave_its_quotes() {
        let mut text = String::from("{");
        push_label(&mut text, "a", "x\"} 1\nforged{b=\"\\");
        push_label(&mut text, "b", "");
        assert_eq!(text, r#"{a="x\"} 1\nforged{b=\"\\",b="""#);
    }
}
