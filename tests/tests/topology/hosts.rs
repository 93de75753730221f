//! nginx, two backends and redis on this host, told of by the agent's own probe.
