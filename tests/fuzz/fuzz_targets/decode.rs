//! Fuzzes the line decoder and the parsers of its fields: no input may make them panic.
#![no_main]

use std::sync::OnceLock;

use gopher_protocol::decode::{Decoder, Line};
use gopher_protocol::histogram::Histogram;
use gopher_protocol::manifest::Manifest;
use gopher_protocol::number::Number;
use gopher_protocol::table::Tables;
use libfuzzer_sys::fuzz_target;

const MANIFEST: &str = r#"
protocol = 1
name = "fuzz"
exec = ["fuzz"]
[[probe]]
name = "fuzz"
summary = "Fuzzed."
[[table]]
name = "t"
entity = "fuzz"
fields = [
  { name = "key", type = "key", help = "h" },
  { name = "label", type = "label", help = "h" },
  { name = "size", type = "gauge", help = "h" },
  { name = "shape", type = "histogram", help = "h" },
]
"#;

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| Manifest::parse(MANIFEST).expect("a good manifest").tables())
}

fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::new();
    for line in data.split(|byte| *byte == b'\n').filter(|line| line.first() == Some(&b'|')) {
        if let Ok(Line::Row(row)) = decoder.decode(tables(), line) {
            let number = Number::parse(row.fields.get(2));
            assert!(number.is_err() || number.is_ok_and(|number| number.as_f64().is_finite()));
            let mut histogram = Histogram::default();
            if histogram.parse(row.fields.get(3)).is_ok() {
                let mut text = Vec::new();
                histogram.write(&mut text);
                let text = String::from_utf8(text).expect("ASCII");
                assert!(Histogram::default().parse(&text).is_ok(), "{text}");
            }
        }
    }
});
