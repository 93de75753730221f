//! The helpers of `probe-sdk/lang` fulfil the contract as the Rust code does.

#[path = "lang/cases.rs"]
mod cases;
#[path = "lang/golden.rs"]
mod golden;
#[path = "lang/json.rs"]
mod json;
#[path = "lang/language.rs"]
mod language;
#[path = "lang/live.rs"]
mod live;
