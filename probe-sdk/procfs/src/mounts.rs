//! Mounts: `/proc/PID/mountinfo`.

use crate::text::{lines, words};

/// One mount. Texts are as the file has them; [`unescape`] makes paths of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// `major:minor` of the file system, the same for all mounts of it.
    pub device: &'a [u8],
    /// The part of the file system that is mounted, `/` for all of it.
    pub root: &'a [u8],
    /// Where it is mounted.
    pub mount_point: &'a [u8],
    /// True when the mount or its file system is read-only.
    pub read_only: bool,
    /// Type, such as `ext4`.
    pub fs_type: &'a [u8],
    /// Device or other source.
    pub source: &'a [u8],
}

/// Calls `each` for every mount, in the order in which they cover each other.
pub fn mountinfo<'a>(bytes: &'a [u8], mut each: impl FnMut(Mount<'a>)) {
    for line in lines(bytes) {
        if let Some(mount) = mount(line) {
            each(mount);
        }
    }
}

fn mount(line: &[u8]) -> Option<Mount<'_>> {
    let mut columns = words(line).skip(2);
    let [device, root, mount_point, options] =
        [columns.next()?, columns.next()?, columns.next()?, columns.next()?];
    // Any number of optional fields, then a lone dash.
    columns.find(|word| *word == b"-")?;
    let [fs_type, source] = [columns.next()?, columns.next()?];
    let super_options = columns.next().unwrap_or_default();
    let read_only = is_read_only(options) || is_read_only(super_options);
    Some(Mount { device, root, mount_point, read_only, fs_type, source })
}

fn is_read_only(options: &[u8]) -> bool {
    options.split(|byte| *byte == b',').any(|option| option == b"ro")
}

/// Replaces the kernel's escapes (`\040` for a blank) by their bytes; `out` is emptied first.
pub fn unescape(text: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        match escape(rest) {
            Some(byte) => {
                out.push(byte);
                rest = rest.get(4..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
}

fn escape(text: &[u8]) -> Option<u8> {
    let digits = text.strip_prefix(b"\\")?.get(..3)?;
    let value =
        digits.iter().try_fold(0u32, |value, byte| Some(value * 8 + char::from(*byte).to_digit(8)?))?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests;
