//! `[events]`: how often the same event is passed on, and the language of its text.

use std::time::Duration;

use super::keys::{Key, Section, key};
use super::kind::{Field, Kind, Value};
use super::model::Config;
use super::setting::{Setting, assign, choice_setting};

/// What holds for the events of all probes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Events {
    /// Time in which an event of the same entity and metric is left out; zero = none is.
    pub dedup: Duration,
    /// What probes write texts in.
    pub language: Language,
}

impl Default for Events {
    fn default() -> Self {
        Self { dedup: Duration::from_secs(600), language: Language::English }
    }
}

/// A language that probes have texts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Chinese.
    Chinese,
}

choice_setting!(Language, LANGUAGES: English = "en", Chinese = "zh");

/// The section.
pub const SECTION: Section = Section {
    name: "events",
    doc: "What holds for the events of all probes; exporters say themselves whether they pass events on.",
    keys: KEYS,
    check: |_| Vec::new(),
};

const KEYS: &[Key<Config>] = &[
    key!(
        "dedup",
        events.dedup,
        Kind::Duration(Duration::ZERO, Duration::from_secs(86_400)),
        "An event of the same entity and metric is left out for so long, and counted; \"0s\" = all are passed on."
    ),
    key!(
        "language",
        events.language,
        Kind::Choice(LANGUAGES),
        "Language of the texts, where a probe has them in several. A change waits for a restart.",
        restart: true
    ),
];
