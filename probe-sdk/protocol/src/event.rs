//! Event lines: `|event|` and the 12 fields of the original agent.

use crate::decode::Fields;

/// One event; all texts are unescaped, empty where the probe gave none.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// What kind of thing it is about: `tcp_link`, `disk`. Never empty.
    pub entity: &'a str,
    /// Which of them. Never empty.
    pub entity_id: &'a str,
    /// The metric that raised it, without the entity. Never empty.
    pub metric: &'a str,
    /// Process id.
    pub pid: &'a str,
    /// Process name.
    pub comm: &'a str,
    /// Addresses.
    pub ip: &'a str,
    /// Container id.
    pub container_id: &'a str,
    /// Pod id.
    pub pod_id: &'a str,
    /// Device name.
    pub device: &'a str,
    /// `INFO`, `WARN`, `ERROR` or `FATAL`.
    pub severity_text: &'a str,
    /// OTel severity number, 1 to 24.
    pub severity_number: u8,
    /// Text for people.
    pub body: &'a str,
}

impl<'a> Event<'a> {
    /// How many fields an event line has after its name.
    pub const FIELDS: usize = 12;

    /// Reads the fields; the error is the index of the first bad one, from 0.
    pub(crate) fn read(fields: Fields<'a>) -> Result<Self, usize> {
        if let Some(empty) = (0..3).find(|index| fields.get(*index).is_empty()) {
            return Err(empty);
        }
        let severity_number =
            fields.get(10).parse().ok().filter(|number| (1..=24).contains(number)).ok_or(10usize)?;
        Ok(Self {
            entity: fields.get(0),
            entity_id: fields.get(1),
            metric: fields.get(2),
            pid: fields.get(3),
            comm: fields.get(4),
            ip: fields.get(5),
            container_id: fields.get(6),
            pod_id: fields.get(7),
            device: fields.get(8),
            severity_text: fields.get(9),
            severity_number,
            body: fields.get(11),
        })
    }
}
