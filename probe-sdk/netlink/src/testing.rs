//! Messages as the kernel lays them out, for tests.

pub(crate) fn attribute(kind: u16, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 4).unwrap();
    let mut out = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

pub(crate) fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 16).unwrap();
    let mut out = length.to_ne_bytes().to_vec();
    out.extend([kind.to_ne_bytes(), [0, 0]].concat());
    out.extend(sequence.to_ne_bytes());
    out.extend([0; 4]);
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(4), 0);
    out
}
