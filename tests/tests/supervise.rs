//! The supervisor with real processes: none of them can disturb another, and nothing of them stays behind.

#[cfg(test)]
#[path = "supervise/bench.rs"]
mod bench;
#[cfg(test)]
#[path = "supervise/configure.rs"]
mod configure;
#[cfg(test)]
#[path = "supervise/hostile.rs"]
mod hostile;
#[cfg(test)]
#[path = "supervise/life.rs"]
mod life;
#[cfg(test)]
#[path = "supervise/stop.rs"]
mod stop;
