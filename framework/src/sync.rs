//! Locks that a panicked thread does not poison for everybody else.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Takes the lock, whatever happened to its last holder: every critical section here leaves its data whole.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
