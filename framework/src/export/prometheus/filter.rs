//! Which metrics are shown: patterns over metric names.

/// Keeps names that a `keep` pattern matches (all, where there is none) and no `drop` pattern does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Patterns with `*` for any text; empty keeps everything.
    pub keep: Vec<String>,
    /// Patterns of what is left out.
    pub drop: Vec<String>,
}

impl Filter {
    pub(super) fn shows(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name));
        (self.keep.is_empty() || any(&self.keep)) && !any(&self.drop)
    }
}

/// True when the whole name is of the pattern; `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(start) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or("");
    for part in parts {
        match name.find(part) {
            Some(at) => name = &name[at + part.len()..],
            None => return false,
        }
    }
    name.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, name, expected) in [
            ("a_b", "a_b", true),
            ("a_b", "a_bc", false),
            ("a_*", "a_bc", true),
            ("*_bc", "a_bc", true),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "acb", false),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn drop_wins_over_keep() {
        let filter = Filter { keep: vec!["cpu_*".into()], drop: vec!["*_idle".into()] };
        assert!(filter.shows("cpu_user"));
        assert!(!filter.shows("cpu_idle"));
        assert!(!filter.shows("mem_free"));
    }
}
