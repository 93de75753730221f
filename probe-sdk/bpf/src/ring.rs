//! Records of a program, read from its ring buffer.

use std::cell::{Cell, RefCell};
use std::os::fd::{BorrowedFd, RawFd};
use std::rc::Rc;

use libbpf_rs::{MapCore, RingBuffer, RingBufferBuilder};
use plain::Plain;

/// A ring of records of one type.
pub struct Ring<T> {
    ring: RingBuffer<'static>,
    taken: Rc<RefCell<Vec<T>>>,
    odd: Rc<Cell<u64>>,
}

impl<T: Plain + Copy + 'static> Ring<T> {
    /// Opens the ring of this map.
    ///
    /// # Errors
    /// When it cannot be mapped.
    pub fn new(map: &impl MapCore) -> libbpf_rs::Result<Self> {
        let taken = Rc::new(RefCell::new(Vec::new()));
        let odd = Rc::new(Cell::new(0));
        let (into, count) = (Rc::clone(&taken), Rc::clone(&odd));
        let mut builder = RingBufferBuilder::new();
        builder.add(map, move |bytes: &[u8]| {
            match plain::from_bytes::<T>(bytes) {
                Ok(record) => into.borrow_mut().push(*record),
                Err(_) => count.set(count.get() + 1),
            }
            0
        })?;
        Ok(Self { ring: builder.build()?, taken, odd })
    }

    /// Readable when there are records.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        let fd: RawFd = self.ring.epoll_fd();
        // SAFETY: the ring keeps its descriptor open for as long as `self` lives, which the result borrows.
        unsafe { BorrowedFd::borrow_raw(fd) }
    }

    /// Takes all records that are there, in the order in which they were written.
    ///
    /// # Errors
    /// When the ring is broken.
    pub fn drain(&mut self) -> libbpf_rs::Result<Vec<T>> {
        self.ring.consume()?;
        Ok(self.taken.borrow_mut().drain(..).collect())
    }

    /// Records that were not of this type: programs and user space do not fit together.
    #[must_use]
    pub fn odd(&self) -> u64 {
        self.odd.get()
    }
}
