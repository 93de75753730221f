//! The form of requests and answers (`linux/netlink.h`); numbers are in host order.

use crate::bytes::{aligned, u16_at, u32_at};

/// Bytes of `struct nlmsghdr`.
const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x1 | 0x300;
/// `NLM_F_DUMP_INTR`: what is dumped has changed meanwhile; some of it may be missing.
const INTERRUPTED: u16 = 0x10;

/// A message of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Its type, as the subsystem numbers them.
    pub kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    /// What follows the header.
    pub body: &'a [u8],
}

/// What a message means for the dump that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// One of the things asked for.
    Item(Message<'a>),
    /// There are no more.
    Done,
    /// The kernel refuses; the error number.
    Refused(i32),
}

impl<'a> Message<'a> {
    pub(crate) fn step(self) -> Step<'a> {
        // Both carry a number, zero or negative, first.
        let number = || u32_at(self.body, 0).map_or(0, |number| number.cast_signed().saturating_neg());
        match self.kind {
            NLMSG_DONE if number() > 0 => Step::Refused(number()),
            NLMSG_DONE => Step::Done,
            NLMSG_ERROR => Step::Refused(number()),
            _ => Step::Item(self),
        }
    }

    pub(crate) fn interrupted(self) -> bool {
        self.flags & INTERRUPTED != 0
    }
}

/// The messages in what was received at once. It ends at the first that does not fit.
pub fn messages(received: &[u8]) -> impl Iterator<Item = Message<'_>> {
    let mut rest = received;
    std::iter::from_fn(move || {
        let length = usize::try_from(u32_at(rest, 0)?).ok()?;
        let (kind, flags, sequence) = (u16_at(rest, 4)?, u16_at(rest, 6)?, u32_at(rest, 8)?);
        let body = rest.get(HEADER..length)?;
        rest = rest.get(aligned(length)..).unwrap_or_default();
        Some(Message { kind, flags, sequence, body })
    })
}

/// Writes a request for all things of a type in place of what was there.
pub(crate) fn dump_request(bytes: &mut Vec<u8>, kind: u16, sequence: u32, body: &[u8]) {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    bytes.clear();
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(DUMP.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::message;

    fn steps(bytes: &[u8]) -> Vec<Step<'_>> {
        messages(bytes).map(Message::step).collect()
    }

    #[test]
    fn items_come_before_the_end() {
        let bytes = [message(20, 5, &[1, 2, 3, 4]), message(NLMSG_DONE, 5, &[0; 4])].concat();
        let steps = steps(&bytes);
        assert!(matches!(steps[0], Step::Item(Message { kind: 20, sequence: 5, body: [1, 2, 3, 4], .. })));
        assert_eq!(steps[1..], [Step::Done]);
    }

    #[test]
    fn a_refusal_gives_its_error_number_wherever_it_stands() {
        for kind in [NLMSG_ERROR, NLMSG_DONE] {
            assert_eq!(steps(&message(kind, 5, &(-13i32).to_ne_bytes())), [Step::Refused(13)]);
        }
    }

    #[test]
    fn a_request_reads_back() {
        let mut bytes = vec![1];
        dump_request(&mut bytes, 20, 7, &[9; 4]);
        let expected = Message { kind: 20, flags: DUMP, sequence: 7, body: &[9; 4] };
        assert_eq!(messages(&bytes).collect::<Vec<_>>(), [expected]);
    }

    proptest! {
        #[test]
        fn nothing_panics_or_hangs(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            steps(&bytes);
        }
    }
}
