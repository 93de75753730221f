//! The supervisor with real processes: none of them can disturb another, and nothing of them stays behind.

#[path = "supervise/bench.rs"]
mod bench;
#[path = "supervise/configure.rs"]
mod configure;
#[path = "supervise/hostile.rs"]
mod hostile;
#[path = "supervise/life.rs"]
mod life;
#[path = "supervise/stop.rs"]
mod stop;
