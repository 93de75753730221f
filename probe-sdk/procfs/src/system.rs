//! The two units that /proc uses: clock ticks and pages.

use std::io;

use nix::unistd::{SysconfVar, sysconf};

/// Units of this kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct System {
    /// Clock ticks a second, as /proc counts CPU time (`CLK_TCK`).
    pub ticks_per_second: u64,
    /// Bytes of a page.
    pub page_size: u64,
}

impl System {
    /// Asks the C library.
    ///
    /// # Errors
    /// When it does not know one of the two.
    pub fn read() -> io::Result<Self> {
        Ok(Self {
            ticks_per_second: positive(SysconfVar::CLK_TCK)?,
            page_size: positive(SysconfVar::PAGE_SIZE)?,
        })
    }

    /// Clock ticks in milliseconds.
    #[must_use]
    pub fn milliseconds(&self, ticks: u64) -> u64 {
        let milliseconds = u128::from(ticks) * 1000 / u128::from(self.ticks_per_second);
        u64::try_from(milliseconds).unwrap_or(u64::MAX)
    }
}

fn positive(variable: SysconfVar) -> io::Result<u64> {
    let value = sysconf(variable)?.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0);
    value.ok_or_else(|| io::Error::new(io::ErrorKind::Unsupported, format!("sysconf has no {variable:?}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_become_milliseconds_by_the_clock_of_the_kernel() {
        let system = |ticks_per_second| System { ticks_per_second, page_size: 4096 };
        assert_eq!(system(100).milliseconds(7), 70);
        assert_eq!(system(1000).milliseconds(7), 7);
        assert_eq!(system(1).milliseconds(u64::MAX), u64::MAX);
    }
}
