//! What a process says about itself and its host beside rows and events: capabilities, losses, news of processes.

use crate::decode::Fields;

/// How one capability of a probe works on this host: `|capability|name|items|hook|fidelity|refused|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability<'a> {
    /// Its name. Never empty.
    pub name: &'a str,
    /// The items that need it, joined by blanks.
    pub items: &'a str,
    /// The hook in use, such as `tp_btf/tcp_probe`; empty where there is none.
    pub hook: &'a str,
    /// `exact`, or `approximate: WHY`; without a hook `absent: WHAT`, or empty.
    pub fidelity: &'a str,
    /// The better hooks that are not in use, each with its reason.
    pub refused: &'a str,
}

impl<'a> Capability<'a> {
    /// How many fields such a line has after its name.
    pub const FIELDS: usize = 5;

    /// The fields in their order.
    #[must_use]
    pub fn fields(&self) -> [&'a str; 5] {
        [self.name, self.items, self.hook, self.fidelity, self.refused]
    }

    /// Reads the fields; the error is the index of the first bad one, from 0.
    pub(crate) fn read(fields: Fields<'a>) -> Result<Self, usize> {
        let [name, items, hook, fidelity, refused] = [0, 1, 2, 3, 4].map(|index| fields.get(index));
        if name.is_empty() { Err(0) } else { Ok(Self { name, items, hook, fidelity, refused }) }
    }
}

/// What a process lost before it could be reported: `|lost|what|count|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost<'a> {
    /// What, such as the name of a ring. Never empty.
    pub what: &'a str,
    /// How many since the line before.
    pub count: u64,
}

impl<'a> Lost<'a> {
    /// How many fields such a line has after its name.
    pub const FIELDS: usize = 2;

    pub(crate) fn read(fields: Fields<'a>) -> Result<Self, usize> {
        let what = fields.get(0);
        if what.is_empty() {
            return Err(0);
        }
        fields.get(1).parse().map(|count| Self { what, count }).map_err(|_| 1)
    }
}

/// What has happened to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was forked.
    Started,
    /// It executes another program, or has another name.
    Changed,
    /// Its last thread has ended.
    Ended,
}

impl Happened {
    const ALL: [Self; 3] = [Self::Started, Self::Changed, Self::Ended];

    /// The word for it on a line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Changed => "changed",
            Self::Ended => "ended",
        }
    }
}

/// News of a process: `|news|pid|happened|`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// The process, as the agent sees it.
    pub pid: u32,
    /// What has happened to it.
    pub happened: Happened,
}

impl News {
    /// How many fields such a line has after its name.
    pub const FIELDS: usize = 2;

    pub(crate) fn read(fields: Fields<'_>) -> Result<Self, usize> {
        let pid = fields.get(0).parse().map_err(|_| 0usize)?;
        let happened = Happened::ALL.into_iter().find(|happened| happened.word() == fields.get(1));
        Ok(Self { pid, happened: happened.ok_or(1usize)? })
    }
}
