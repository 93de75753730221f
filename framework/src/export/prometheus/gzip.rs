//! One gzip member from parts that were compressed apart, so that the unchanged part is compressed once.
//!
//! The first part ends with a sync flush, which leaves the stream at a byte boundary within no block (RFC 1951); a second
//! raw stream without references to the first may follow. The checksum of the whole is combined from the parts'.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// RFC 1952: magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A compressed part and what its checksum needs.
#[derive(Debug)]
pub(super) struct Part {
    deflated: Bytes,
    crc: flate2::Crc,
}

impl Part {
    /// Compresses; the last part closes the stream.
    pub(super) fn compress(frames: &[Bytes], last: bool) -> io::Result<Self> {
        let mut crc = flate2::Crc::new();
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        for frame in frames {
            crc.update(frame);
            encoder.write_all(frame)?;
        }
        let deflated = if last {
            encoder.finish()?
        } else {
            encoder.flush()?;
            std::mem::take(encoder.get_mut())
        };
        // It is kept while nothing changes, and the buffer grew by doubling.
        Ok(Self { deflated: Bytes::from(deflated.into_boxed_slice()), crc })
    }
}

/// The whole member as frames.
pub(super) fn member(first: &Part, last: &Part) -> Vec<Bytes> {
    let mut crc = flate2::Crc::new();
    crc.combine(&first.crc);
    crc.combine(&last.crc);
    let mut tail = last.deflated.to_vec();
    tail.extend_from_slice(&crc.sum().to_le_bytes());
    tail.extend_from_slice(&crc.amount().to_le_bytes());
    vec![Bytes::from_static(&HEADER), first.deflated.clone(), Bytes::from(tail)]
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn two_parts_unpack_as_one_text() {
        for (a, b) in [("", ""), ("x", ""), ("", "y"), ("hello hello hello ", "hello again")] {
            let first = Part::compress(&[Bytes::from(a)], false).unwrap();
            let last = Part::compress(&[Bytes::from(b)], true).unwrap();
            let whole = member(&first, &last).concat();
            let mut text = String::new();
            flate2::read::GzDecoder::new(whole.as_slice()).read_to_string(&mut text).unwrap();
            assert_eq!(text, format!("{a}{b}"));
        }
    }
}
