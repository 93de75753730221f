//! One measured figure beside its goal.

use serde_json::json;

/// What a figure has to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal {
    AtLeast(f64),
    AtMost(f64),
    /// Measured for comparison.
    None,
}

/// Prints a figure as one line of JSON.
pub(super) fn figure(name: &str, unit: &str, measured: f64, goal: Goal) {
    let (bound, value, reached) = match goal {
        Goal::AtLeast(goal) => ("min", Some(goal), Some(measured >= goal)),
        Goal::AtMost(goal) => ("max", Some(goal), Some(measured <= goal)),
        Goal::None => ("", None, None),
    };
    println!(
        "{}",
        json!({"figure": name, "unit": unit, "measured": measured, "bound": bound, "goal": value, "reached": reached})
    );
}
