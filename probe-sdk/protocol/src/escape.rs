//! Escapes of a line: `\|`, `\\` and `\n`; any other backslash stays as it is.

/// Appends `text` with bars, backslashes and newlines escaped.
pub(crate) fn escape(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for at in memchr::memchr3_iter(b'|', b'\\', b'\n', bytes) {
        out.extend_from_slice(&bytes[from..at]);
        out.push(b'\\');
        out.push(if bytes[at] == b'\n' { b'n' } else { bytes[at] });
        from = at + 1;
    }
    out.extend_from_slice(&bytes[from..]);
}

/// Splits `line` at its bars, undoing the escapes: appends the text of all fields to `text` and the end of
/// each to `ends`. The caller has checked that `line` begins with a bar.
pub(crate) fn split_escaped(line: &str, text: &mut String, ends: &mut Vec<u32>) {
    let mut rest = &line[1..];
    while let Some(at) = rest.find(['|', '\\']) {
        text.push_str(&rest[..at]);
        let (taken, plain) = match rest.as_bytes()[at..] {
            [b'|', ..] => {
                ends.push(offset(text.len()));
                (1, "")
            }
            [_, b'|', ..] => (2, "|"),
            [_, b'\\', ..] => (2, "\\"),
            [_, b'n', ..] => (2, "\n"),
            _ => (1, "\\"),
        };
        text.push_str(plain);
        rest = &rest[at + taken..];
    }
    text.push_str(rest);
    if !rest.is_empty() || !line.ends_with('|') || ends_in_escaped_bar(line) {
        ends.push(offset(text.len()));
    }
}

/// True when the line's last bar is part of an escape, so that the last field is not closed by it.
fn ends_in_escaped_bar(line: &str) -> bool {
    let body = line.strip_suffix('|').unwrap_or(line);
    let backslashes = body.bytes().rev().take_while(|byte| *byte == b'\\').count();
    line.ends_with('|') && backslashes % 2 == 1
}

/// The highest bit of each byte of `word` that equals `byte`, all other bits zero.
#[inline]
pub(crate) fn bytes_equal(word: u64, byte: u8) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x7f; 8]);
    let differs = word ^ u64::from_ne_bytes([byte; 8]);
    !(((differs & LOW) + LOW) | differs | LOW)
}

/// A byte offset within a line; lines are bounded by [`crate::MAX_LINE`], and U+FFFD makes them 3 times longer at most.
pub(crate) fn offset(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
