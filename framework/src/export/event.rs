//! What the original agent calls an event, what it is about and the metric that raised it, and its text.

use std::borrow::Cow;
use std::mem::MaybeUninit;

use crate::store::EventRecord;

/// What kind of event all of them are to the original.
pub(super) const KIND: &str = "sys";

/// The names of one event.
pub(super) struct EventNames {
    /// The event: `<milliseconds since 1970>_<entity_id>`.
    pub(super) event_id: String,
    /// What it is about: `<machine>_<entity>_<id>`, slashes as colons.
    pub(super) entity_id: String,
    /// The metric that raised it.
    pub(super) metric: String,
}

impl EventNames {
    /// Of an event accepted at `time`, in milliseconds since 1970, on the machine with this id of the original.
    pub(super) fn new(machine: &str, event: &EventRecord, time: u64) -> Self {
        let [entity, id, metric, ..] = &event.about;
        let entity_id = format!("{machine}_{entity}_{id}").replace('/', ":");
        Self {
            event_id: format!("{time}_{entity_id}"),
            entity_id,
            metric: format!("gala_gopher_{entity}_{metric}"),
        }
    }
}

/// Characters of a date as C's `asctime` has it.
const DATE: usize = 24;

/// The text of an event as the original's are: `<date> <severity> Entity(<id>) <text>`, the date in local time. A text
/// that is so already stays as it is.
pub(super) fn body(event: &EventRecord, time: u64) -> Cow<'_, str> {
    if is_dated(&event.body) {
        return Cow::Borrowed(&event.body);
    }
    let [_, id, ..] = &event.about;
    Cow::Owned(format!("{} {} Entity({id}) {}", date(time), event.severity_text, event.body))
}

/// Whether a severity and an entity follow on a date.
fn is_dated(body: &str) -> bool {
    let rest = body.get(DATE..).and_then(|rest| rest.strip_prefix(' '));
    rest.and_then(|rest| rest.split_once(' ')).is_some_and(|(_, rest)| rest.starts_with("Entity("))
}

/// Milliseconds since 1970 as `Sun Nov 22 13:13:00 2026` in local time.
fn date(time: u64) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = libc::time_t::try_from(time / 1000).unwrap_or_default();
    let mut local = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, and a zeroed `tm` is a valid one where the call fails.
    let local = unsafe {
        libc::localtime_r(&raw const seconds, local.as_mut_ptr());
        local.assume_init()
    };
    let name = |names: &[&'static str], index: libc::c_int| {
        usize::try_from(index).ok().and_then(|index| names.get(index).copied()).unwrap_or("???")
    };
    let (day, month) = (name(&DAYS, local.tm_wday), name(&MONTHS, local.tm_mon));
    let (hour, minute, second) = (local.tm_hour, local.tm_min, local.tm_sec);
    let year = local.tm_year + 1900;
    format!("{day} {month} {:2} {hour:02}:{minute:02}:{second:02} {year}", local.tm_mday)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn event(body: &str) -> EventRecord {
        let about = ["disk", "sda/1", "util", "", "", "", "", "", ""].map(Into::into);
        let (folder, severity_text) = ("baseinfo".to_owned(), "WARN".into());
        EventRecord { folder, about, severity_text, severity_number: 13, body: body.into() }
    }

    #[test]
    fn a_date_is_as_others_write_it_in_local_time() {
        for seconds in [0, 951_782_400, 1_795_353_180, 4_102_444_799] {
            let format = ["-d", &format!("@{seconds}"), "+%a %b %e %H:%M:%S %Y"];
            let shown = Command::new("date").env("LC_ALL", "C").args(format).output().unwrap().stdout;
            assert_eq!(date(seconds * 1000 + 999), String::from_utf8(shown).unwrap().trim_end());
        }
    }

    #[test]
    fn a_text_gets_date_severity_and_entity_once() {
        let time = 1_795_353_180_000;
        let whole = body(&event("Busy(9)."), time).into_owned();
        assert_eq!(whole, format!("{} WARN Entity(sda/1) Busy(9).", date(time)));
        assert_eq!(body(&event(&whole), time + 5000), whole);
        for other in ["", "磁盘设备饱和（9%），请尽快检查。", "Entity(x) is the name of something"]
        {
            assert!(body(&event(other), time).ends_with(&format!(" WARN Entity(sda/1) {other}")));
        }
    }
}
