//! What counts as a source file, and of which kind.

/// Kinds of source files, by how they begin a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Rust.
    Rust,
    /// C, C headers and Java.
    Slashes,
    /// Python, shell and other scripts with a shebang.
    Hash,
}

/// Generated sources: exempt from the size rule and from the first-line rule, and from nothing else.
pub(crate) const GENERATED: [&str; 0] = [];

/// The kind of a source file; none for documents, data and configuration.
pub(crate) fn kind(file: &str, text: &str) -> Option<Kind> {
    let name = file.rsplit('/').next().unwrap_or(file);
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("rs") => Some(Kind::Rust),
        Some("c" | "h" | "java") => Some(Kind::Slashes),
        Some("py" | "sh") => Some(Kind::Hash),
        _ if text.starts_with("#!") => Some(Kind::Hash),
        _ => None,
    }
}

/// True for a file that only tests compile or run.
pub(crate) fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/") || file.starts_with("tests/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_without_extension_is_known_by_its_shebang() {
        assert_eq!(kind("build/setup", "#!/bin/sh\n"), Some(Kind::Hash));
        assert_eq!(kind("LICENSE", "Apache"), None);
    }

    #[test]
    fn bpf_sources_count_as_c() {
        assert_eq!(kind("probes/net/bpf/tcp.bpf.c", ""), Some(Kind::Slashes));
    }
}
