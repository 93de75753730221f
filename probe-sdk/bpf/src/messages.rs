//! What libbpf says while it works: kept instead of printed, to know which program it means and why.

use std::cell::RefCell;

use libbpf_rs::{PrintLevel, set_print};

thread_local! {
    static KEPT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Runs `work` and returns what libbpf said in it, line by line.
pub(crate) fn during<T>(work: impl FnOnce() -> T) -> (T, Vec<String>) {
    KEPT.with_borrow_mut(Vec::clear);
    let before = set_print(Some((PrintLevel::Warn, |_, message| {
        KEPT.with_borrow_mut(|kept| kept.extend(message.lines().map(str::to_owned)));
    })));
    let done = work();
    set_print(before);
    (done, KEPT.with_borrow_mut(std::mem::take))
}

/// The program that could not be loaded, and why, in the words of libbpf or of the verifier.
pub(crate) fn refused_program(lines: &[String]) -> Option<(String, String)> {
    let (index, name, told) = lines.iter().enumerate().rev().find_map(|(index, line)| {
        let (name, told) = line.split_once("prog '")?.1.split_once("': ")?;
        told.contains("fail").then_some((index, name, told))
    })?;
    // The verifier's last word comes before its statistics.
    let verdict = lines[..index]
        .iter()
        .rev()
        .skip_while(|line| !line.contains("END PROG LOAD LOG"))
        .skip(1)
        .take_while(|line| !line.contains("BEGIN PROG LOAD LOG"))
        .find(|line| !line.starts_with("processed ") && !line.is_empty());
    let reason = match verdict {
        Some(verdict) => format!("{told}, verifier: {verdict}"),
        None => told.to_owned(),
    };
    Some((name.to_owned(), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<(String, String)> {
        refused_program(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_program_and_the_verifiers_last_word_are_found() {
        let text = "libbpf: prog 'one': BPF program load failed: Permission denied\n\
            libbpf: prog 'one': -- BEGIN PROG LOAD LOG --\n\
            0: (b7) r0 = 0\nR2 min value is negative\nprocessed 7 insns (limit 1000000)\n\
            -- END PROG LOAD LOG --\n\
            libbpf: prog 'one': failed to load: -13\nlibbpf: failed to load object 'x'";
        let (name, reason) = refused(text).unwrap();
        assert_eq!(
            (name.as_str(), reason.as_str()),
            ("one", "failed to load: -13, verifier: R2 min value is negative")
        );
    }

    #[test]
    fn without_a_verifiers_log_libbpfs_words_are_the_reason() {
        let text = "libbpf: prog 'two': failed to find kernel BTF type ID of 'x': -ESRCH";
        assert_eq!(refused(text).unwrap().1, "failed to find kernel BTF type ID of 'x': -ESRCH");
        assert_eq!(refused("libbpf: map 'm': failed to create: -EPERM"), None);
    }
}
