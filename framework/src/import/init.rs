//! `probes.init` of the original: a request for a probe on each line, as it went to the REST interface.

use std::path::Path;

use super::{Error, Note};
use crate::config::ProbeConfig;

/// What a request asks of a probe: the name, its JSON, the settings so far. What is worth a note comes back.
pub type Settle<'f> = &'f dyn Fn(&str, &str, &mut ProbeConfig) -> Result<Vec<String>, String>;

/// Reads all lines. What is worth a note comes back, and every line that is no request, with what is wrong; it is left out.
pub(super) fn import(
    text: &str,
    file: &Path,
    settle: Settle<'_>,
    mut put: impl FnMut(&str, ProbeConfig),
) -> (Vec<Note>, Vec<Error>) {
    let (mut notes, mut errors) = (Vec::new(), Vec::new());
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    for (line, request) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
        let Some((name, json)) = request.split_once(char::is_whitespace) else {
            errors.push(Error::new(file, line, "expected a probe's name and JSON"));
            continue;
        };
        // The original's names of built-in probes have no case.
        let name = name.to_ascii_lowercase();
        let mut probe = ProbeConfig::default();
        match settle(&name, json.trim(), &mut probe) {
            Ok(texts) => {
                notes.extend(texts.into_iter().map(|text| Note {
                    file: file.to_owned(),
                    line,
                    text: format!("{name}: {text}"),
                }));
                put(&name, probe);
            }
            Err(reason) => errors.push(Error::new(file, line, format!("{name}: {reason}"))),
        }
    }
    (notes, errors)
}

/// True for a text whose first line that says anything is a request.
pub(super) fn is_init(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let request = first.and_then(|line| line.split_once(char::is_whitespace));
    request.is_some_and(|(name, json)| {
        name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
            && json.trim_start().starts_with('{')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Vec<(String, String)>, Vec<String>> {
        let mut found = Vec::new();
        let seen = std::cell::RefCell::new(Vec::new());
        let settle = |_: &str, json: &str, _: &mut ProbeConfig| {
            seen.borrow_mut().push(json.to_owned());
            if json.starts_with('{') { Ok(Vec::new()) } else { Err("no JSON".to_owned()) }
        };
        let (_, errors) =
            import(text, Path::new("probes.init"), &settle, |name, _| found.push(name.to_owned()));
        if !errors.is_empty() {
            return Err(errors.iter().map(ToString::to_string).collect());
        }
        Ok(found.into_iter().zip(seen.into_inner()).collect())
    }

    #[test]
    fn each_line_is_a_request() {
        let found = lines("# none\n\nBaseInfo {\"state\": \"running\"}\n  tcp\t{}\n").unwrap();
        let expected = [("baseinfo", "{\"state\": \"running\"}"), ("tcp", "{}")];
        assert_eq!(found, expected.map(|(name, json)| (name.to_owned(), json.to_owned())));
    }

    #[test]
    fn every_bad_line_is_named() {
        let errors = lines("tcp\nio x\n").unwrap_err();
        assert_eq!(errors, ["probes.init:1: expected a probe's name and JSON", "probes.init:2: io: no JSON"]);
    }
}
