//! What the original agent calls an event, what it is about and the metric that raised it.

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
