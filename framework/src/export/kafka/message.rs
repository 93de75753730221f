//! What is sent: a topic, a key that keeps the order of a series, a time, a value.

/// Which of the three topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Topic {
    Metric = 0,
    Event = 1,
    Metadata = 2,
}

impl Topic {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        [Self::Metric, Self::Event, Self::Metadata].into_iter().find(|topic| *topic as u8 == byte)
    }
}

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message<'a> {
    pub(super) topic: Topic,
    /// Milliseconds since 1970.
    pub(super) time: u64,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
}
