//! A message as bytes of a chunk: length, checksum, topic, time, key, value.
//!
//! ```text
//! u32 length of what follows the checksum | u32 CRC-32 of that | u8 topic | u64 time | u16 length of the key | key | value
//! ```
//!
//! All numbers are little-endian. The same bytes are in memory and in the files of the spool.

use super::message::{Message, Topic};

/// Bytes before the part that the checksum covers.
const HEAD: usize = 8;
/// Bytes of that part before the key.
const FIXED: usize = 11;

/// Bytes that a message takes.
pub(super) fn length(message: &Message<'_>) -> usize {
    HEAD + FIXED + message.key.len() + message.value.len()
}

/// Appends a message. A key longer than a u16 tells is cut, which only widens what shares a partition.
pub(super) fn write(message: &Message<'_>, into: &mut Vec<u8>) {
    let start = into.len();
    let key = message.key.get(..usize::from(u16::MAX)).unwrap_or(message.key);
    into.extend_from_slice(&[0; HEAD]);
    into.push(message.topic as u8);
    into.extend_from_slice(&message.time.to_le_bytes());
    into.extend_from_slice(&u16::try_from(key.len()).unwrap_or(u16::MAX).to_le_bytes());
    into.extend_from_slice(key);
    into.extend_from_slice(message.value);
    let body = &into[start + HEAD..];
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let sum = crc32fast::hash(body).to_le_bytes();
    into[start..start + 4].copy_from_slice(&length);
    into[start + 4..start + HEAD].copy_from_slice(&sum);
}

/// The message that begins at `at`, and where the next one does; `None` where no whole, unharmed message begins.
pub(super) fn read(bytes: &[u8], at: usize) -> Option<(Message<'_>, usize)> {
    let rest = bytes.get(at..)?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (sum, rest) = rest.split_first_chunk::<4>()?;
    let body = rest.get(..u32::from_le_bytes(*length) as usize)?;
    if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
        return None;
    }
    Some((parse(body)?, at + HEAD + body.len()))
}

/// The message at `at` of bytes that [`read`] has gone over or [`write`] made.
pub(super) fn again(bytes: &[u8], at: usize) -> Option<Message<'_>> {
    let (length, rest) = bytes.get(at..)?.split_first_chunk::<4>()?;
    parse(rest.get(4..4 + u32::from_le_bytes(*length) as usize)?)
}

fn parse(body: &[u8]) -> Option<Message<'_>> {
    let (topic, rest) = body.split_first()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (key, rest) = rest.split_first_chunk::<2>()?;
    let (key, value) = rest.split_at_checked(usize::from(u16::from_le_bytes(*key)))?;
    Some(Message { topic: Topic::from_byte(*topic)?, time: u64::from_le_bytes(*time), key, value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(key: Vec<u8>, value: Vec<u8>, time: u64, topic in 0_u8..3) {
            let topic = Topic::from_byte(topic).unwrap();
            let message = Message { topic, time, key: &key, value: &value };
            let mut bytes = vec![7];
            write(&message, &mut bytes);
            prop_assert_eq!(bytes.len(), 1 + length(&message));
            prop_assert_eq!(read(&bytes, 1), Some((message, bytes.len())));
            prop_assert_eq!(again(&bytes, 1), Some(message));
        }

        #[test]
        fn torn_or_harmed_bytes_are_no_message(value: Vec<u8>, cut: prop::sample::Index, bit in 0_u8..8) {
            let mut bytes = Vec::new();
            write(&Message { topic: Topic::Metric, time: 1, key: b"k", value: &value }, &mut bytes);
            let cut = cut.index(bytes.len());
            prop_assert_eq!(read(&bytes[..cut], 0), None);
            bytes[cut] ^= 1 << bit;
            prop_assert_eq!(read(&bytes, 0), None);
        }

        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>, at in 0_usize..100) {
            if let Some((_, next)) = read(&bytes, at) {
                prop_assert!(next <= bytes.len());
            }
        }
    }
}
