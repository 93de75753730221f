//! Cuts a stream of bytes into whole lines, with a bound on the length of a line.

use std::io;

use gopher_protocol::MAX_LINE;

/// A carry of this size is given back when the next one is small.
const KEEP: usize = 8 << 10;

/// Takes what was cut.
pub(super) trait Consumer {
    /// Whole lines, each with its newline, none longer than [`MAX_LINE`] without it.
    fn lines(&mut self, lines: &[u8]);
    /// A line that is too long was skipped; this is its beginning, longer than [`MAX_LINE`].
    fn overlong(&mut self, head: &[u8]);
    /// The stream ended within this line.
    fn rest(&mut self, part: &[u8]);
}

/// The state between two reads: the beginning of a line.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// Never holds a newline, never more than [`MAX_LINE`].
    carry: Vec<u8>,
    /// Within a line that is too long.
    skipping: bool,
}

impl Splitter {
    /// Fills `buffer`, which must be larger than [`MAX_LINE`], by one `read` and hands on what is whole. Returns what
    /// was read; 0 is the end of the stream.
    ///
    /// # Errors
    /// Those of `read`; nothing is lost by them.
    pub(super) fn feed(
        &mut self,
        buffer: &mut [u8],
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
        to: &mut impl Consumer,
    ) -> io::Result<usize> {
        let kept = self.carry.len();
        let count = read(&mut buffer[kept..])?;
        buffer[..kept].copy_from_slice(&self.carry);
        self.cut(&buffer[..kept + count], kept, to);
        Ok(count)
    }

    /// The stream has ended.
    pub(super) fn finish(&mut self, to: &mut impl Consumer) {
        if !self.carry.is_empty() {
            to.rest(&self.carry);
            self.carry = Vec::new();
        }
    }

    /// `kept` bytes at the start of `data` are known to hold no newline.
    fn cut(&mut self, data: &[u8], kept: usize, to: &mut impl Consumer) {
        let Some(last) = memchr::memrchr(b'\n', &data[kept..]) else {
            self.keep(data, to);
            return;
        };
        let (mut whole, rest) = data.split_at(kept + last + 1);
        if self.skipping {
            self.skipping = false;
            let end = memchr::memchr(b'\n', whole).map_or(whole.len(), |end| end + 1);
            whole = &whole[end..];
        }
        hand_on(whole, to);
        self.keep(rest, to);
    }

    /// Keeps the beginning of a line.
    fn keep(&mut self, part: &[u8], to: &mut impl Consumer) {
        self.carry.clear();
        if self.skipping {
            return;
        }
        if part.len() > MAX_LINE {
            self.skipping = true;
            to.overlong(part);
        } else {
            self.carry.extend_from_slice(part);
        }
        if self.carry.len() < KEEP {
            self.carry.shrink_to(KEEP);
        }
    }
}

/// Hands on whole lines in pieces so short that a line which is too long cannot hide in one.
fn hand_on(mut whole: &[u8], to: &mut impl Consumer) {
    while whole.len() > MAX_LINE + 1 {
        match memchr::memrchr(b'\n', &whole[..=MAX_LINE]) {
            Some(end) => {
                to.lines(&whole[..=end]);
                whole = &whole[end + 1..];
            }
            None => {
                let end = memchr::memchr(b'\n', whole).unwrap_or(whole.len() - 1);
                to.overlong(&whole[..end]);
                whole = &whole[end + 1..];
            }
        }
    }
    if !whole.is_empty() {
        to.lines(whole);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, any, prop_assert, proptest};

    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        lines: Vec<Vec<u8>>,
        overlong: usize,
        rest: Vec<u8>,
    }

    impl Consumer for Seen {
        fn lines(&mut self, lines: &[u8]) {
            assert_eq!(lines.last(), Some(&b'\n'));
            self.lines.extend(lines[..lines.len() - 1].split(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        }
        fn overlong(&mut self, head: &[u8]) {
            assert!(head.len() > MAX_LINE);
            self.overlong += 1;
        }
        fn rest(&mut self, part: &[u8]) {
            self.rest = part.to_vec();
        }
    }

    /// Reads `stream` in reads of at most `step` bytes.
    fn split(stream: &[u8], step: usize) -> (Seen, usize) {
        let (mut seen, mut splitter, mut at, mut most) = (Seen::default(), Splitter::default(), 0, 0);
        let mut buffer = vec![0; MAX_LINE * 2];
        loop {
            let read = |free: &mut [u8]| {
                let count = step.min(free.len()).min(stream.len() - at);
                free[..count].copy_from_slice(&stream[at..at + count]);
                Ok(count)
            };
            let count = splitter.feed(&mut buffer, read, &mut seen).expect("reading a slice");
            most = most.max(splitter.carry.len());
            at += count;
            if count == 0 {
                splitter.finish(&mut seen);
                return (seen, most);
            }
        }
    }

    /// What a reader with the whole stream in memory would see.
    fn expected(stream: &[u8]) -> Seen {
        let mut parts: Vec<_> = stream.split(|byte| *byte == b'\n').collect();
        let rest = parts.pop().unwrap_or_default();
        let short = |part: &&[u8]| part.len() <= MAX_LINE;
        Seen {
            overlong: parts.iter().chain([&rest]).filter(|part| !short(part)).count(),
            lines: parts.into_iter().filter(short).map(<[u8]>::to_vec).collect(),
            rest: if short(&rest) { rest.to_vec() } else { Vec::new() },
        }
    }

    fn streams() -> impl Strategy<Value = Vec<u8>> {
        let length =
            proptest::prop_oneof![8 => 0..200_usize, 1 => MAX_LINE - 2..MAX_LINE + 3, 1 => 0..300_000_usize];
        (proptest::collection::vec(length, 0..12), any::<bool>()).prop_map(|(lengths, ended)| {
            let mut stream = Vec::new();
            for length in lengths {
                stream.extend(std::iter::repeat_n(b'x', length));
                stream.push(b'\n');
            }
            if !ended {
                stream.pop();
            }
            stream
        })
    }

    proptest! {
        #[test]
        fn reads_of_any_size_give_the_same_lines(stream in streams(), step in 1000..200_000_usize) {
            let (seen, most) = split(&stream, step);
            prop_assert!(seen == expected(&stream));
            prop_assert!(most <= MAX_LINE);
        }
    }

    #[test]
    fn single_bytes_give_the_same_lines() {
        let stream = b"|a|1|\n\n|b|2|\nrest";
        assert_eq!(split(stream, 1).0, expected(stream));
    }

    #[test]
    fn endless_line_costs_one_call_and_no_memory() {
        let (seen, most) = split(&vec![b'x'; 10 << 20], 64 << 10);
        assert_eq!((seen.overlong, seen.lines.len(), seen.rest.len()), (1, 0, 0));
        assert!(most <= MAX_LINE);
    }

    #[test]
    fn a_refused_read_loses_nothing() {
        let (mut seen, mut splitter, mut buffer) =
            (Seen::default(), Splitter::default(), vec![0; MAX_LINE * 2]);
        let mut feed = |part: Option<&[u8]>| {
            let read = |free: &mut [u8]| match part {
                Some(part) => {
                    free[..part.len()].copy_from_slice(part);
                    Ok(part.len())
                }
                None => Err(io::ErrorKind::WouldBlock.into()),
            };
            splitter.feed(&mut buffer, read, &mut seen)
        };
        feed(Some(b"|a")).expect("a read");
        feed(None).expect_err("nothing there");
        feed(Some(b"|1|\n")).expect("a read");
        assert_eq!(seen.lines, [b"|a|1|"]);
    }
}
