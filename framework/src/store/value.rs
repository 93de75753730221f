//! What a series holds, and how the next row changes it.

use std::sync::Arc;

use gopher_protocol::histogram::Histogram;
use gopher_protocol::number::Number;
use gopher_protocol::reject::FieldReason;
use gopher_protocol::table::Kind;

/// The state of one field of one key.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No row has had this field yet.
    #[default]
    Absent,
    /// A gauge's last value, a counter's raw value, or the sum of a delta.
    Number(Number),
    /// Summed buckets.
    Histogram(Arc<Histogram>),
}

/// What one field of a row did to its series.
pub(super) enum Step {
    /// Nothing: the field was empty.
    Empty,
    /// The new state, and the row's own value (the increase, for a counter, where one is known).
    Set(Value, Value),
}

/// Applies one field's text to the state. `scratch` is reused from row to row. Inlined, a number stays in registers.
#[inline(always)]
pub(super) fn step(
    kind: Kind,
    text: &str,
    old: &Value,
    scratch: &mut Histogram,
) -> Result<Step, FieldReason> {
    if text.is_empty() {
        return Ok(Step::Empty);
    }
    if kind == Kind::Histogram {
        return step_histogram(text, old, scratch);
    }
    let number = Number::parse(text)?;
    let now = Value::Number(number);
    Ok(match (kind, old) {
        (Kind::Delta, _) if number.is_negative() => return Err(FieldReason::NegativeDelta),
        (Kind::Delta, Value::Number(sum)) => Step::Set(Value::Number(sum.plus(number)), now),
        (Kind::Counter, Value::Number(before)) => Step::Set(now, Value::Number(increase(*before, number))),
        (Kind::Counter, _) => Step::Set(now, Value::Absent),
        _ => Step::Set(now.clone(), now),
    })
}

#[inline(never)]
fn step_histogram(text: &str, old: &Value, scratch: &mut Histogram) -> Result<Step, FieldReason> {
    scratch.parse(text)?;
    Ok(Step::Set(add_histogram(old, scratch), Value::Histogram(Arc::new(scratch.clone()))))
}

/// How far a counter rose; one that fell was reset and has risen from zero.
fn increase(before: Number, now: Number) -> Number {
    match (before, now) {
        (Number::Uint(a), Number::Uint(b)) => Number::Uint(b.checked_sub(a).unwrap_or(b)),
        _ if now.as_f64() < before.as_f64() => now,
        _ => Number::Float(now.as_f64() - before.as_f64()),
    }
}

/// Adds the row's histogram to the sum; changed bounds start anew.
fn add_histogram(old: &Value, row: &Histogram) -> Value {
    let Value::Histogram(old) = old else { return Value::Histogram(Arc::new(row.clone())) };
    if old.bounds != row.bounds {
        return Value::Histogram(Arc::new(row.clone()));
    }
    let mut sum = Histogram::clone(old);
    for (total, count) in sum.counts.iter_mut().zip(&row.counts) {
        *total = total.saturating_add(*count);
    }
    sum.sum += row.sum;
    sum.max = row.max;
    Value::Histogram(Arc::new(sum))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(kind: Kind, texts: &[&str]) -> (Value, Value) {
        let (mut state, mut last) = (Value::Absent, Value::Absent);
        for text in texts {
            if let Ok(Step::Set(new, row)) = step(kind, text, &state, &mut Histogram::default()) {
                (state, last) = (new, row);
            }
        }
        (state, last)
    }

    fn uint(value: u64) -> Value {
        Value::Number(Number::Uint(value))
    }

    #[test]
    fn a_delta_is_summed_from_its_first_row() {
        assert_eq!(run(Kind::Delta, &["3", "", "4", "(x)", "-1"]), (uint(7), uint(4)));
    }

    #[test]
    fn a_counter_is_passed_on_raw_and_its_increase_survives_a_reset() {
        assert_eq!(run(Kind::Counter, &["10"]), (uint(10), Value::Absent));
        assert_eq!(run(Kind::Counter, &["10", "15"]), (uint(15), uint(5)));
        assert_eq!(run(Kind::Counter, &["10", "4"]), (uint(4), uint(4)));
    }

    #[test]
    fn a_gauge_keeps_its_last_value() {
        assert_eq!(run(Kind::Gauge, &["1", "", "0.5", "inf"]).0, Value::Number(Number::Float(0.5)));
    }

    #[test]
    fn histograms_add_up_while_their_bounds_stay() {
        let (sum, _) = run(Kind::Histogram, &["2 1 1 +Inf 3 10 9", "2 1 2 +Inf 2 1 1"]);
        let Value::Histogram(sum) = sum else { panic!("no histogram") };
        assert_eq!((sum.counts.as_slice(), sum.sum, sum.max), (&[3, 5][..], 11.0, 1.0));
        let (anew, _) = run(Kind::Histogram, &["2 1 1 +Inf 3 10 9", "1 5 2 1 1"]);
        let Value::Histogram(anew) = anew else { panic!("no histogram") };
        assert_eq!(anew.counts, [2]);
    }
}
