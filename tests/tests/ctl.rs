//! `gopher-ctl` as an operator and the author of a probe meet it.

#[path = "ctl/config.rs"]
mod config;
#[cfg(test)]
#[path = "ctl/doctor.rs"]
mod doctor;
#[path = "ctl/folder.rs"]
mod folder;
#[cfg(test)]
#[path = "ctl/import.rs"]
mod import;
#[cfg(test)]
#[path = "ctl/measure.rs"]
mod measure;
#[path = "ctl/new.rs"]
mod new;
#[cfg(test)]
#[path = "ctl/online.rs"]
mod online;
#[path = "ctl/tool.rs"]
mod tool;
#[path = "ctl/top.rs"]
mod top;
