//! What a probe with eBPF programs links beside `probe-sdk`.
//!
//! ```text
//!   capability ──┐
//!                ├──> load ──> Loaded { skeleton, choices } ──> Context::capability()
//!   host ────────┘
//! ```
//!
//! A probe lists what it wants to see of the kernel as [`Capability`]s, each with the hooks that show it, the best first.
//! [`load`] finds out, program by program, which of them this kernel takes, and keeps why it refuses the others.
//! Headers for the programs are in `include/gopher`; `probe-build` compiles them.

mod capability;
mod host;
mod load;
mod messages;
mod namespace;
mod pass;
mod period;
mod rights;
mod ring;
mod scope;

pub use plain;

pub use self::capability::{Capability, Choice, Fidelity, Hook, Refusal};
pub use self::host::has_function;
pub use self::load::{Error, Loaded, load};
pub use self::namespace::namespace;
pub use self::pass::{Over, pass};
pub use self::period::Period;
pub use self::rights::{Right, missing};
pub use self::ring::Ring;
pub use self::scope::ScopeMap;

/// Includes the skeleton that `probe_build::bpf("….NAME.bpf.c")` made, as the module `skeleton`.
#[macro_export]
macro_rules! skeleton {
    ($name:literal) => {
        #[allow(clippy::all, clippy::pedantic, clippy::restriction, unreachable_pub, missing_docs)]
        mod skeleton {
            include!(concat!(env!("OUT_DIR"), "/", $name, ".skel.rs"));
        }
    };
}

/// Lets bytes that a program wrote be read as this struct of the skeleton's `types`.
#[macro_export]
macro_rules! shared {
    ($($shared:path),+) => {$(
        // SAFETY: made from the C struct: `repr(C)`, numbers and arrays of them alone, without padding (the header's
        // `SHARED` checks), so that any bytes of this size are a value.
        unsafe impl $crate::plain::Plain for $shared {}
    )+};
}
