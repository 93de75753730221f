//! Values as distributions write them.

use proptest::prelude::*;

use super::*;

#[test]
fn values_are_unquoted() {
    let text = b"# comment\nID=debian\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME='open Euler'\nX=\"a\\\"b\\\\\"\nEMPTY=\n";
    assert_eq!(assignment(text, "PRETTY_NAME").unwrap(), "Debian GNU/Linux 12 (bookworm)");
    assert_eq!(assignment(text, "ID").unwrap(), "debian");
    assert_eq!(assignment(text, "NAME").unwrap(), "open Euler");
    assert_eq!(assignment(text, "X").unwrap(), "a\"b\\");
    assert_eq!(assignment(text, "EMPTY"), None);
}

#[test]
fn the_last_assignment_holds() {
    assert_eq!(assignment(b"A=1\nA=2", "A").unwrap(), "2");
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        assignments(&bytes, |_, _| {});
    }
}
