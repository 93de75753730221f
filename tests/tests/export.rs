//! Exporters that push, each with the real agent and what really reads what it sends.

#[cfg(test)]
#[path = "export/logs.rs"]
mod logs;
