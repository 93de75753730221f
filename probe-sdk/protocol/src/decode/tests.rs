//! Lines as a probe may write them, and what the decoder makes of each.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::encode::LineWriter;
use crate::histogram::Histogram;
use crate::number::Number;
use crate::table::{Field, Table};

fn tables() -> Tables {
    let field = |name: &str, kind| Field {
        name: name.into(),
        kind,
        unit: None,
        item: None,
        help: String::new(),
        upstream_only: false,
    };
    let table = Table {
        name: "t".into(),
        probe: "p".into(),
        entity: "e".into(),
        fields: vec![
            field("key", Kind::Key),
            field("label", Kind::Label),
            field("value", Kind::Gauge),
            field("shape", Kind::Histogram),
        ],
    };
    Tables::new(vec![Arc::new(table)])
}

fn fields(line: &str) -> Vec<String> {
    let tables = tables();
    let mut decoder = Decoder::new();
    match decoder.decode(&tables, line.as_bytes()).unwrap() {
        Line::Row(row) => (0..row.fields.len()).map(|index| row.fields.get(index).to_owned()).collect(),
        other => panic!("{other:?}"),
    }
}

fn refusal(line: &[u8]) -> (Reason, usize, usize) {
    let reject = Decoder::new().decode(&tables(), line).map(|line| format!("{line:?}")).unwrap_err();
    (reject.reason, reject.field, reject.byte)
}

#[test]
fn the_final_bar_is_optional() {
    assert_eq!(fields("|t|a|b|1|2|"), ["a", "b", "1", "2"]);
    assert_eq!(fields("|t|a|b|1|2"), ["a", "b", "1", "2"]);
}

#[test]
fn an_empty_or_null_field_is_absent() {
    assert_eq!(fields("|t|a|(null)||(null)|"), ["a", "", "", ""]);
}

#[test]
fn escapes_are_undone_and_other_backslashes_stay() {
    assert_eq!(fields(r"|t|a\|b|c\\|d\n|\x|"), ["a|b", r"c\", "d\n", r"\x"]);
    assert_eq!(fields(r"|t|a|b|c|d\|"), ["a", "b", "c", "d|"]);
    assert_eq!(fields(r"|t|a|b|c|d\\|"), ["a", "b", "c", r"d\"]);
    assert_eq!(fields(r"|t|a|b|c|d\"), ["a", "b", "c", r"d\"]);
}

#[test]
fn a_wrong_count_names_the_field_and_byte() {
    assert_eq!(refusal(b"|t|a|b|1|"), (Reason::TooFewFields, 4, 9));
    assert_eq!(refusal(b"|t|a|b|1|2|3|"), (Reason::TooManyFields, 5, 11));
}

#[test]
fn an_empty_first_key_is_refused() {
    assert_eq!(refusal(b"|t||b|1|2|"), (Reason::EmptyKey, 1, 3));
    assert_eq!(refusal(b"|t|(null)|b|1|2|").0, Reason::EmptyKey);
}

#[test]
fn what_is_no_table_is_refused() {
    for line in [&b"|"[..], b"||", b"||a|"] {
        assert_eq!(refusal(line).0, Reason::NoTable, "{line:?}");
    }
    assert_eq!(refusal(b"|other|a|").0, Reason::UnknownTable);
    assert_eq!(refusal(b"|other").0, Reason::UnknownTable);
}

#[test]
fn invalid_utf8_is_replaced_and_counted() {
    let tables = tables();
    let mut decoder = Decoder::new();
    let line = decoder.decode(&tables, b"|t|a\xff|b|1|2|").unwrap();
    assert!(matches!(line, Line::Row(row) if row.fields.get(0) == "a\u{fffd}"));
    assert_eq!(decoder.invalid_utf8(), 1);
}

#[test]
fn control_lines_are_told_apart() {
    let tables = tables();
    let mut decoder = Decoder::new();
    assert!(matches!(decoder.decode(&tables, b"|ready|"), Ok(Line::Ready)));
    assert!(matches!(decoder.decode(&tables, b"|applied|7|"), Ok(Line::Applied(7))));
    assert!(matches!(decoder.decode(&tables, b"|log|1|\"INFO\"|9|{}|{}|\"\"|"), Ok(Line::Log(_))));
    assert_eq!(refusal(b"|applied|x|").0, Reason::BadControl);
    assert_eq!(refusal(b"|ready|1|").0, Reason::BadControl);
}

#[test]
fn an_event_needs_its_three_names_and_a_severity() {
    let tables = tables();
    let mut decoder = Decoder::new();
    let line = b"|event|disk|sda|util|1|c||||sda|WARN|13|full|";
    let Ok(Line::Event(event)) = decoder.decode(&tables, line) else { panic!("no event") };
    assert_eq!((event.entity, event.device, event.severity_number, event.body), ("disk", "sda", 13, "full"));
    assert_eq!(refusal(b"|event|disk||util|1|c||||sda|WARN|13|full|"), (Reason::BadEvent, 2, 12));
    assert_eq!(refusal(b"|event|disk|sda|util|1|c||||sda|WARN|99|full|").0, Reason::BadEvent);
}

fn numbers() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<u64>().prop_map(Number::from),
        any::<i64>().prop_map(Number::from),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Number::from),
    ]
}

fn histograms() -> impl Strategy<Value = Histogram> {
    let bucket = (1u32..1000, 0u64..1000);
    (prop::collection::vec(bucket, 1..20), any::<u32>(), any::<u32>()).prop_map(|(steps, sum, max)| {
        let mut histogram = Histogram { sum: f64::from(sum), max: f64::from(max), ..Histogram::default() };
        let (mut bound, mut count) = (0.0, 0);
        for (width, step) in steps {
            bound += f64::from(width) / 8.0;
            count += step;
            histogram.bounds.push(bound);
            histogram.counts.push(count);
        }
        histogram
    })
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(key in "\\PC{1,20}", label in ".{0,30}", value in numbers(), shape in histograms()) {
        prop_assume!(key != "(null)" && label != "(null)");
        let mut writer = LineWriter::new();
        let line = writer.begin("t").text(&key).text(&label).number(value).histogram(&shape).finish().unwrap();
        prop_assert_eq!(memchr::memchr_iter(b'\n', line).count(), 1);
        let tables = tables();
        let mut decoder = Decoder::new();
        let Ok(Line::Row(row)) = decoder.decode(&tables, &line[..line.len() - 1]) else {
            return Err(TestCaseError::fail("refused"));
        };
        prop_assert_eq!(row.fields.get(0), key);
        prop_assert_eq!(row.fields.get(1), label);
        prop_assert_eq!(Number::parse(row.fields.get(2)), Ok(value));
        let mut back = Histogram::default();
        prop_assert_eq!(back.parse(row.fields.get(3)), Ok(()));
        prop_assert_eq!(back, shape);
    }

    #[test]
    fn decoding_never_panics(line in prop::collection::vec(any::<u8>(), 0..200), dense in "[|t\\\\\n1]{0,40}") {
        let tables = tables();
        let mut decoder = Decoder::new();
        for bytes in [line.as_slice(), dense.as_bytes()] {
            let line = [b"|", bytes].concat();
            if let Err(reject) = decoder.decode(&tables, &line) {
                prop_assert!(reject.byte <= line.len() * 3, "{}", reject);
            }
        }
    }

    #[test]
    fn both_paths_agree(line in "[|tab\\\\n]{0,30}") {
        // A line without backslashes takes the fast path; with one more escaped field it takes the other.
        let plain: String = line.replace('\\', "");
        let tables = tables();
        let text = format!("|t|{plain}");
        let read = |decoder: &mut Decoder, escaped: bool| {
            if escaped {
                decoder.split_escaped(&text);
            } else {
                assert!(decoder.split_plain(text.as_bytes()));
            }
            let (source, gap) = if escaped { (decoder.text.as_str(), 0) } else { (text.as_str(), 1) };
            let fields = Fields { text: source, ends: &decoder.ends, gap };
            (0..fields.len()).map(|index| fields.get(index).to_owned()).collect::<Vec<_>>()
        };
        prop_assert_eq!(read(&mut Decoder::new(), false), read(&mut Decoder::new(), true));
        prop_assert!(tables.find("t", 0).is_some());
    }
}
