//! A page in a real browser, Chromium without a window: its text once its script has run, its complaints, its looks.
#![expect(clippy::expect_used, reason = "what goes wrong here fails the test at once")]

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use flate2::read::ZlibDecoder;

/// Chromium with a profile of its own, which goes with it.
#[derive(Debug)]
pub struct Browser {
    profile: tempfile::TempDir,
}

impl Default for Browser {
    fn default() -> Self {
        Self::new()
    }
}

impl Browser {
    /// A browser that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self { profile: tempfile::tempdir().expect("a folder") }
    }

    /// The document as it stands after its script, and what the console says.
    #[must_use]
    pub fn document(&self, url: &str) -> (String, Vec<String>) {
        let (document, said) = self.run(&["--dump-dom", url]);
        let complaints =
            said.lines().filter(|line| line.contains("CONSOLE")).map(ToOwned::to_owned).collect();
        (document, complaints)
    }

    /// The number of colours in a picture of the page, which stays in `file`.
    #[must_use]
    pub fn colours(&self, url: &str, file: &Path, dark: bool) -> usize {
        let to = format!("--screenshot={}", file.display());
        let scheme = if dark {
            "--blink-settings=preferredColorScheme=0"
        } else {
            "--blink-settings=preferredColorScheme=1"
        };
        let (_, said) = self.run(&[&to, "--window-size=1400,900", "--hide-scrollbars", scheme, url]);
        let picture = fs::read(file).unwrap_or_else(|error| panic_with(&format!("{error}: {said}")));
        colours(&picture).expect("a picture with 8 bits per colour")
    }

    fn run(&self, arguments: &[&str]) -> (String, String) {
        let mut command = Command::new("chromium");
        command.args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
        ]);
        command.args([
            "--disable-background-networking",
            "--disable-component-update",
            "--enable-logging=stderr",
        ]);
        command.arg(format!("--user-data-dir={}", self.profile.path().display()));
        command.args(["--virtual-time-budget=5000", "--timeout=60000"]).args(arguments).stdin(Stdio::null());
        let output = command.output().expect("chromium; build/setup installs it");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = text(&output.stderr);
        assert!(output.status.success(), "chromium {}: {said}", output.status);
        (text(&output.stdout), said)
    }
}

#[expect(clippy::panic, reason = "ends the test")]
fn panic_with(text: &str) -> ! {
    panic!("{text}")
}

/// How many colours a PNG has (<https://www.w3.org/TR/png-3/>), nothing for kinds that browsers do not write.
fn colours(png: &[u8]) -> Option<usize> {
    let number = |at: usize| Some(u32::from_be_bytes(*png.get(at..)?.first_chunk()?) as usize);
    let width = number(16)?;
    let pixel = match png.get(24..26)? {
        [8, 2] => 3,
        [8, 6] => 4,
        _ => return None,
    };
    let (mut at, mut packed) = (8, Vec::new());
    while let Some(length) = number(at) {
        if png.get(at + 4..at + 8)? == b"IDAT" {
            packed.extend_from_slice(png.get(at + 8..at + 8 + length)?);
        }
        at += length + 12;
    }
    let mut raw = Vec::new();
    ZlibDecoder::new(packed.as_slice()).read_to_end(&mut raw).ok()?;
    let mut seen = BTreeSet::new();
    let mut above = vec![0_u8; width * pixel];
    for line in raw.chunks_exact(1 + width * pixel) {
        let mut row = line[1..].to_vec();
        for byte in 0..row.len() {
            let before = |row: &[u8]| byte.checked_sub(pixel).map_or(0, |at| row[at]);
            let (left, up, corner) = (before(&row), above[byte], before(&above));
            row[byte] = row[byte].wrapping_add(match line[0] {
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => 0,
            });
        }
        seen.extend(row.chunks_exact(pixel).map(<[u8]>::to_vec));
        above = row;
    }
    Some(seen.len())
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let guess = i16::from(left) + i16::from(up) - i16::from(corner);
    let far = |value: u8| (guess - i16::from(value)).abs();
    if far(left) <= far(up) && far(left) <= far(corner) {
        left
    } else if far(up) <= far(corner) {
        up
    } else {
        corner
    }
}
