//! Reads libconfig, the language of the original's files: <https://hyperrealm.github.io/libconfig/libconfig_manual.html>.
//!
//! Commas that end a list are accepted, as two of the original's own files have them. `@include` is refused.

use std::iter::Peekable;
use std::str::CharIndices;

/// Most groups and lists within each other.
const DEPTH: usize = 32;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number, decimal or hexadecimal.
    Integer(i64),
    /// A number with a fraction.
    Float(f64),
    /// A string.
    Text(String),
    /// `( … )` or `[ … ]`.
    List(Vec<Value>),
    /// `{ … }`.
    Group(Vec<Setting>),
}

/// A setting with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: Value,
    /// The line of its name, from 1.
    pub line: usize,
}

/// What is no libconfig.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct Error {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub message: String,
}

/// Reads a whole file.
///
/// # Errors
/// The first place that does not fit.
pub fn parse(text: &str) -> Result<Vec<Setting>, Error> {
    let mut parser = Parser { text, chars: text.char_indices().peekable(), line: 1 };
    let settings = parser.settings(None, 0)?;
    Ok(settings)
}

impl Value {
    /// The text of a string.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    /// The settings of a group.
    #[must_use]
    pub fn as_group(&self) -> Option<&[Setting]> {
        match self {
            Self::Group(settings) => Some(settings),
            _ => None,
        }
    }
}

struct Parser<'t> {
    text: &'t str,
    chars: Peekable<CharIndices<'t>>,
    line: usize,
}

impl Parser<'_> {
    fn error(&self, message: impl Into<String>) -> Error {
        Error { line: self.line, message: message.into() }
    }

    fn peek(&mut self) -> Option<char> {
        self.chars.peek().map(|(_, letter)| *letter)
    }

    fn next(&mut self) -> Option<char> {
        let (_, letter) = self.chars.next()?;
        self.line += usize::from(letter == '\n');
        Some(letter)
    }

    fn take(&mut self, letter: char) -> bool {
        let found = self.peek() == Some(letter);
        if found {
            self.next();
        }
        found
    }

    /// Passes over blanks and comments.
    fn blanks(&mut self) -> Result<(), Error> {
        loop {
            match self.peek() {
                Some(letter) if letter.is_whitespace() => {
                    self.next();
                }
                Some('#') => self.rest_of_line(),
                Some('/') => {
                    self.next();
                    match self.next() {
                        Some('/') => self.rest_of_line(),
                        Some('*') => self.rest_of_comment()?,
                        _ => return Err(self.error("found a single `/`")),
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    fn rest_of_line(&mut self) {
        while self.next().is_some_and(|letter| letter != '\n') {}
    }

    fn rest_of_comment(&mut self) -> Result<(), Error> {
        let begun = self.line;
        let mut star = false;
        while let Some(letter) = self.next() {
            if star && letter == '/' {
                return Ok(());
            }
            star = letter == '*';
        }
        Err(Error { line: begun, message: "a comment that does not end".into() })
    }

    /// Settings up to a closing bracket, or up to the end of the text.
    fn settings(&mut self, end: Option<char>, depth: usize) -> Result<Vec<Setting>, Error> {
        let mut settings = Vec::new();
        loop {
            self.blanks()?;
            match self.peek() {
                None if end.is_none() => return Ok(settings),
                None => return Err(self.error("the file ends within a group; a `}` is missing")),
                found if found == end => {
                    self.next();
                    return Ok(settings);
                }
                Some(_) => settings.push(self.setting(depth)?),
            }
        }
    }

    fn setting(&mut self, depth: usize) -> Result<Setting, Error> {
        let line = self.line;
        let name = self.word(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '*'));
        if name.is_empty() {
            let found = self.peek().map_or("the end".to_owned(), |letter| format!("`{letter}`"));
            return Err(self.error(format!("found {found}, expected the name of a setting")));
        }
        self.blanks()?;
        if !self.take('=') && !self.take(':') {
            return Err(self.error(format!("expected `=` after {name}")));
        }
        let value = self.value(depth)?;
        self.blanks()?;
        if !self.take(';') {
            self.take(',');
        }
        Ok(Setting { name, value, line })
    }

    fn word(&mut self, fits: impl Fn(char) -> bool) -> String {
        let from = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        while self.peek().is_some_and(&fits) {
            self.next();
        }
        let to = self.chars.peek().map_or(self.text.len(), |(at, _)| *at);
        self.text.get(from..to).unwrap_or_default().to_owned()
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        if depth > DEPTH {
            return Err(self.error(format!("more than {DEPTH} groups within each other")));
        }
        self.blanks()?;
        match self.peek() {
            Some('"') => self.text(),
            Some('{') => {
                self.next();
                Ok(Value::Group(self.settings(Some('}'), depth + 1)?))
            }
            Some('(') => self.list(')', depth),
            Some('[') => self.list(']', depth),
            _ => {
                let word = self
                    .word(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '+' | '-' | '.' | '_'));
                scalar(&word)
                    .ok_or_else(|| self.error(format!("`{word}` is no value; strings stand in quotes")))
            }
        }
    }

    fn list(&mut self, end: char, depth: usize) -> Result<Value, Error> {
        self.next();
        let mut values = Vec::new();
        loop {
            self.blanks()?;
            match self.peek() {
                None => return Err(self.error(format!("the file ends within a list; a `{end}` is missing"))),
                Some(letter) if letter == end => {
                    self.next();
                    return Ok(Value::List(values));
                }
                Some(_) => values.push(self.value(depth + 1)?),
            }
            self.blanks()?;
            if !self.take(',') && self.peek().is_some_and(|letter| letter != end) {
                return Err(self.error(format!("expected `,` or `{end}` in a list")));
            }
        }
    }

    /// One string, or several next to each other, which are one.
    fn text(&mut self) -> Result<Value, Error> {
        let mut text = String::new();
        while self.take('"') {
            let begun = self.line;
            loop {
                match self.next() {
                    None => return Err(Error { line: begun, message: "a string that does not end".into() }),
                    Some('"') => break,
                    Some('\\') => text.push(self.escape()?),
                    Some(letter) => text.push(letter),
                }
            }
            self.blanks()?;
        }
        Ok(Value::Text(text))
    }

    fn escape(&mut self) -> Result<char, Error> {
        match self.next() {
            Some(letter @ ('\\' | '"')) => Ok(letter),
            Some('n') => Ok('\n'),
            Some('r') => Ok('\r'),
            Some('t') => Ok('\t'),
            Some('f') => Ok('\u{c}'),
            Some('x') => {
                let digits: String = [self.next(), self.next()].into_iter().flatten().collect();
                let code = u8::from_str_radix(&digits, 16)
                    .map_err(|_| self.error("`\\x` needs two hexadecimal digits"))?;
                Ok(char::from(code))
            }
            _ => Err(self.error("an unknown escape in a string")),
        }
    }
}

fn scalar(word: &str) -> Option<Value> {
    if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") {
        return Some(Value::Bool(word.eq_ignore_ascii_case("true")));
    }
    if let Some(digits) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        let digits = digits.trim_end_matches(['L', 'l']);
        return i64::from_str_radix(digits, 16).ok().map(Value::Integer);
    }
    if let Ok(number) = word.trim_end_matches(['L', 'l']).parse() {
        return Some(Value::Integer(number));
    }
    let is_number = word.bytes().any(|byte| byte.is_ascii_digit()) && !word.contains(['_', 'n', 'N']);
    word.parse::<f64>().ok().filter(|number| is_number && number.is_finite()).map(Value::Float)
}

#[cfg(test)]
mod tests;
