//! Which names are allowed.

/// Words that the agent's routes use, so that no probe can have them.
const RESERVED_PROBES: [&str; 10] = [
    "probes", "tables", "version", "topology", "metrics", "events", "healthz", "readyz", "openapi", "config",
];

/// First fields of lines that are no rows.
pub(super) const RESERVED_TABLES: [&str; 7] =
    ["event", "ready", "applied", "log", "capability", "lost", "news"];

/// A folder, probe or item: `[a-z][a-z0-9_-]{0,31}`.
pub(super) fn is_probe_name(name: &str) -> bool {
    let rest = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_' || c == b'-';
    name.len() <= 32 && name.bytes().next().is_some_and(|c| c.is_ascii_lowercase()) && name.bytes().all(rest)
}

/// A word of a route.
pub(super) fn is_reserved_probe(name: &str) -> bool {
    RESERVED_PROBES.contains(&name)
}

/// A label or a part of a metric's name, as Prometheus allows it.
pub(super) fn is_label_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// A label that a table may not have: Prometheus or the agent owns it.
pub(super) fn is_reserved_label(name: &str) -> bool {
    matches!(name, "le" | "machine_id" | "quantile") || name.starts_with("__")
}

/// `CAP_` and capital letters; which of them exist is the kernel's word.
pub(super) fn is_capability(name: &str) -> bool {
    name.strip_prefix("CAP_")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|c| c.is_ascii_uppercase() || c == b'_'))
}
