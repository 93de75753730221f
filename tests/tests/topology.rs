//! Who talks to whom, as programs, people, Graphviz and a browser get it.

#[cfg(test)]
#[path = "topology/hosts.rs"]
mod hosts;
#[cfg(test)]
#[path = "topology/rows.rs"]
mod rows;
