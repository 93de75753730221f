//! Numbers as lines carry them: decimal integers exact over the whole of u64 and i64, else a finite f64.

use std::fmt;

use crate::reject::FieldReason;

/// A value of a gauge, counter or delta field.
#[derive(Clone, Copy, Debug)]
pub enum Number {
    /// An integer from 0 to 2^64 - 1.
    Uint(u64),
    /// A negative integer.
    Int(i64),
    /// Anything else; always finite.
    Float(f64),
}

impl Number {
    /// Parses the text of a numeric field.
    ///
    /// # Errors
    /// [`FieldReason::NotANumber`] for anything that is not a decimal number, infinities and NaN included.
    #[inline]
    pub fn parse(text: &str) -> Result<Self, FieldReason> {
        match parse_digits(text.as_bytes()) {
            Some(value) => Ok(Self::Uint(value)),
            None => Self::parse_rest(text),
        }
    }

    fn parse_rest(text: &str) -> Result<Self, FieldReason> {
        match parse_fraction(text.as_bytes()) {
            Some(value) => Ok(Self::Float(value)),
            None => Self::parse_slow(text),
        }
    }

    fn parse_slow(text: &str) -> Result<Self, FieldReason> {
        if let Ok(value) = text.parse::<u64>() {
            return Ok(Self::Uint(value));
        }
        if let Ok(value) = text.parse::<i64>() {
            return Ok(Self::Int(value));
        }
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Self::Float(value)),
            _ => Err(FieldReason::NotANumber),
        }
    }

    /// The nearest `f64`.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "the exposition formats are defined over f64")]
            Self::Uint(value) => value as f64,
            #[expect(clippy::cast_precision_loss, reason = "the exposition formats are defined over f64")]
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The sum of two numbers: exact while both are unsigned and the sum fits, else in `f64`.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        if let (Self::Uint(a), Self::Uint(b)) = (self, other)
            && let Some(sum) = a.checked_add(b)
        {
            return Self::Uint(sum);
        }
        Self::Float(self.as_f64() + other.as_f64())
    }

    /// True for a number below zero, which a `delta` or a histogram count may not be.
    #[must_use]
    pub fn is_negative(self) -> bool {
        match self {
            Self::Uint(_) => false,
            Self::Int(value) => value < 0,
            Self::Float(value) => value < 0.0,
        }
    }

    /// Appends the shortest text that parses back to the same number.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Uint(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            Self::Int(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
            Self::Float(value) => write_float(value, out),
        }
    }
}

/// Appends a float: whole numbers below 2^53 as integers, others in the shortest form that parses back.
fn write_float(value: f64, out: &mut Vec<u8>) {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53, so the cast is exact")]
        let whole = value as i64;
        out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    } else {
        out.extend_from_slice(zmij::Buffer::new().format(value).as_bytes());
    }
}

/// The value of 1 to 19 decimal digits: the common case, without the general parser's checks.
#[inline]
fn parse_digits(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 19 {
        return None;
    }
    let mut value = 0u64;
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u64::from(digit);
    }
    Some(value)
}

/// The value of a short decimal fraction such as `12.34`: digits and power of ten are exact in an `f64`, so that one
/// division rounds as the general parser does (Clinger, "How to read floating point numbers accurately", 1990).
fn parse_fraction(bytes: &[u8]) -> Option<f64> {
    const POWERS: [f64; 15] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14];
    if bytes.len() > 16 {
        return None;
    }
    let dot = bytes.iter().position(|byte| *byte == b'.')?;
    let (whole, fraction) = (parse_digits(&bytes[..dot])?, parse_digits(&bytes[dot + 1..])?);
    let power = POWERS.get(bytes.len() - dot - 1)?;
    #[expect(clippy::cast_precision_loss, reason = "15 digits are below 2^53")]
    let digits = whole as f64 * power + fraction as f64;
    Some(digits / power)
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Uint(a), Self::Uint(b)) => a == b,
            (Self::Int(a), Self::Int(b)) => a == b,
            _ => self.as_f64() == other.as_f64(),
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uint(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => write!(f, "{value}"),
        }
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::Uint(value)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        u64::try_from(value).map_or(Self::Int(value), Self::Uint)
    }
}

impl From<f64> for Number {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_exact_up_to_u64() {
        for value in [0, 1, 9_999_999_999_999_999_999, u64::MAX] {
            assert_eq!(Number::parse(&value.to_string()), Ok(Number::Uint(value)));
        }
        assert_eq!(Number::parse("-9223372036854775808"), Ok(Number::Int(i64::MIN)));
    }

    #[test]
    fn what_is_not_a_finite_number_is_refused() {
        for text in ["", "-", "inf", "NaN", "1e999", "0x10", "1 2", "1,5", "infinity", "١"] {
            assert_eq!(Number::parse(text), Err(FieldReason::NotANumber), "{text}");
        }
    }

    #[test]
    fn a_sum_past_u64_continues_as_float() {
        let sum = Number::Uint(u64::MAX).plus(Number::Uint(1));
        assert_eq!(sum.as_f64(), 18_446_744_073_709_551_616.0);
    }

    #[test]
    fn short_fractions_read_as_the_general_parser_reads_them() {
        for text in
            ["0.5", "12.34", "0.1", "99999999.9999999", "0.00000000000001", "123456789012345.6", "007.10"]
        {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(Number::parse(text).unwrap().as_f64().to_bits(), expected.to_bits(), "{text}");
        }
        for text in [".", "1.", ".5", "1.2.3", "1.x", "-1.5"] {
            let general = text.parse::<f64>().ok();
            assert_eq!(Number::parse(text).ok().map(Number::as_f64), general, "{text}");
        }
    }

    #[test]
    fn text_parses_back_to_the_same_number() {
        for value in [0.1, -0.5, 1e300, 5e-324, 1e16, 123_456.75, -3.0] {
            let mut out = Vec::new();
            Number::Float(value).write(&mut out);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(Number::parse(&text).unwrap().as_f64().to_bits(), f64::to_bits(value), "{text}");
        }
    }
}
