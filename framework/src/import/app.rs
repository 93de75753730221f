//! `gala-gopher-app.conf` of the original: its list of applications becomes the whitelist.

use std::path::Path;

use super::libconfig::{self, Setting, Value};
use super::{Error, Note};
use crate::config::{ProcName, Scope};

/// Characters of a process's name in Linux; the original cut patterns to that.
const COMM: usize = 15;

/// Adds the applications to a scope.
///
/// # Errors
/// A file that is no libconfig, or an application without a name.
pub(super) fn import(text: &str, file: &Path, scope: &mut Scope) -> Result<Vec<Note>, Error> {
    let settings = libconfig::parse(text).map_err(|error| Error::new(file, error.line, error.message))?;
    let mut notes = Vec::new();
    for setting in &settings {
        let mut note = |text: String| notes.push(Note { file: file.to_owned(), line: setting.line, text });
        if setting.name != "application" {
            note(format!("{} is left out; only the list `application` is known", setting.name));
            continue;
        }
        let applications = setting
            .value
            .as_list()
            .ok_or_else(|| Error::new(file, setting.line, "`application` is no list"))?;
        for found in applications {
            let found = found.as_group().unwrap_or_default();
            let line = found.first().map_or(setting.line, |first| first.line);
            let application =
                application(found).ok_or_else(|| Error::new(file, line, "an application without `comm`"))?;
            scope.select.proc_name.extend(usable(application, &mut |text| {
                notes.push(Note { file: file.to_owned(), line, text });
            }));
        }
    }
    Ok(notes)
}

fn application(found: &[Setting]) -> Option<ProcName> {
    let text = |name: &str| {
        let setting = found.iter().find(|setting| setting.name == name)?;
        setting.value.as_text().map(ToOwned::to_owned)
    };
    Some(ProcName {
        comm: text("comm")?,
        cmdline: text("cmdline").unwrap_or_default(),
        ..ProcName::default()
    })
}

/// The application as we can take it, and what that changes.
fn usable(mut application: ProcName, note: &mut dyn FnMut(String)) -> Option<ProcName> {
    if application.comm.is_empty() {
        note("an application with an empty comm selected nothing; it is left out".into());
        return None;
    }
    if application.comm.chars().count() > COMM {
        let cut: String = application.comm.chars().take(COMM).collect();
        note(format!("comm {:?} was cut to {cut:?}, which is what Linux keeps of a name", application.comm));
        application.comm = cut;
    }
    if let Err(error) = regex::Regex::new(&application.comm) {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default().to_owned();
        note(format!(
            "comm {:?} is no regular expression and selected nothing; it is left out ({reason})",
            application.comm
        ));
        return None;
    }
    Some(application)
}

/// True for settings that are such a file.
pub(super) fn is_app(settings: &[Setting]) -> bool {
    settings.iter().any(|setting| setting.name == "application" && matches!(setting.value, Value::List(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Result<(Scope, Vec<String>), Error> {
        let mut scope = Scope::default();
        let notes = import(text, Path::new("app.conf"), &mut scope)?;
        Ok((scope, notes.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn applications_become_patterns() {
        let text = "application =\n(\n  { comm = \"nginx\", cmdline = \"\" },\n  { comm = \"java\", cmdline = \"-Dk=\\\"v\\\"\", },\n);\n";
        let (scope, notes) = scope(text).unwrap();
        let names: Vec<_> =
            scope.select.proc_name.iter().map(|p| (p.comm.as_str(), p.cmdline.as_str())).collect();
        assert_eq!(names, [("nginx", ""), ("java", "-Dk=\"v\"")]);
        assert!(notes.is_empty(), "{notes:?}");
    }

    #[test]
    fn what_never_matched_is_left_out_with_a_word() {
        let text = "application = ( { comm = \"\" },\n { comm = \"(\" },\n { comm = \"abcdefghijklmnopqrs\" } )\nother = 1";
        let (scope, notes) = scope(text).unwrap();
        assert_eq!(scope.select.proc_name.len(), 1);
        assert_eq!(scope.select.proc_name[0].comm, "abcdefghijklmno");
        for (place, note) in
            ["app.conf:1: ", "app.conf:2: ", "app.conf:3: ", "app.conf:4: other"].iter().zip(&notes)
        {
            assert!(note.starts_with(place), "{notes:?}");
        }
    }

    #[test]
    fn an_application_without_a_name_is_an_error() {
        let error = scope("application = (\n { cmdline = \"x\" } )").unwrap_err();
        assert_eq!(error.to_string(), "app.conf:2: an application without `comm`");
    }
}
