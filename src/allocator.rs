//! The system's allocator, with a reserve for small allocations that the system refuses.
//!
//! What grows with the input is allocated by the functions of `error`, which fail as values. Beside it there are small
//! allocations that have no way to fail but to end the process: the text of an error, a task of the thread pool. Where
//! the system has no more memory, those come from the reserve until the error is raised and the rest is freed.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
#[cfg(all(feature = "python", target_os = "linux", target_env = "gnu"))]
use std::ffi::c_int;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Largest allocation that comes from the reserve.
const LARGEST: usize = 1 << 16;
/// Bytes of the reserve; those that are never used take no memory.
const SIZE: usize = 1 << 22;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator { reserve: Reserve::new() };

struct Allocator {
    reserve: Reserve,
}

/// Memory that is handed out from its beginning to its end, and again once all of it has come back. Without a lock, which
/// a forked child could inherit.
#[repr(align(4096))]
struct Reserve {
    memory: UnsafeCell<[u8; SIZE]>,
    /// The number of allocations that are in use in the upper half, the bytes handed out in the lower one.
    state: AtomicU64,
}

// SAFETY: each part of the memory is handed out to one owner at a time.
unsafe impl Sync for Reserve {}

impl Reserve {
    const fn new() -> Reserve {
        Reserve { memory: UnsafeCell::new([0; SIZE]), state: AtomicU64::new(0) }
    }

    fn holds(&self, pointer: *const u8) -> bool {
        (pointer as usize).wrapping_sub(self.memory.get() as usize) < SIZE
    }

    /// Null where the allocation is too large or the reserve used up.
    fn allocate(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST || layout.align() > align_of::<Reserve>() {
            return ptr::null_mut();
        }
        let mut start = 0;
        let taken = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| {
            start = (state as u32 as usize).next_multiple_of(layout.align());
            let end = start + layout.size();
            (end <= SIZE).then(|| ((state >> 32) + 1) << 32 | end as u64)
        });
        // SAFETY: the range lies within the memory.
        taken.map_or(ptr::null_mut(), |_| unsafe { self.memory.get().cast::<u8>().add(start) })
    }

    fn free(&self) {
        let one_less = |state: u64| match (state >> 32) - 1 {
            0 => Some(0),
            used => Some(used << 32 | u64::from(state as u32)),
        };
        let _ = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less);
    }
}

// SAFETY: memory comes from the system's allocator or from the reserve, and goes back to where it came from.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller says.
        let memory = unsafe { System.alloc(layout) };
        if memory.is_null() { self.reserve.allocate(layout) } else { memory }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as the caller says.
        let mut memory = unsafe { System.alloc_zeroed(layout) };
        if memory.is_null() {
            memory = self.reserve.allocate(layout);
            if !memory.is_null() {
                // SAFETY: the reserve gave as many bytes.
                unsafe { memory.write_bytes(0, layout.size()) };
            }
        }
        memory
    }

    #[inline]
    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if self.reserve.holds(memory) {
            self.reserve.free();
        } else {
            // SAFETY: as the caller says.
            unsafe { System.dealloc(memory, layout) };
        }
    }

    #[inline]
    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.reserve.holds(memory) {
            // SAFETY: as the caller says.
            let moved = unsafe { System.realloc(memory, layout, size) };
            if !moved.is_null() {
                return moved;
            }
        }
        // SAFETY: the caller says that the size is one of a layout.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both hold so many bytes, and the old memory is the caller's.
            unsafe {
                ptr::copy_nonoverlapping(memory, moved, layout.size().min(size));
                self.dealloc(memory, layout);
            }
        }
        moved
    }
}

/// Lets all threads take memory from one heap, as far as the system's allocator can: what one of them has freed is there
/// for the others, and goes back to the system. For processes whose threads begin afterwards.
#[cfg(feature = "python")]
pub(crate) fn share_one_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// `M_ARENA_MAX` of malloc.h.
        const MOST_HEAPS: c_int = -8;
        // SAFETY: a number that the allocator reads when it makes another heap.
        unsafe { mallopt(MOST_HEAPS, 1) };
    }
}

/// Gives memory that is free back to the system, as far as its allocator can.
#[cfg(feature = "python")]
pub(crate) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it takes the allocator's own locks, and pages in which nothing is allocated.
    unsafe {
        malloc_trim(0)
    };
}

#[cfg(all(feature = "python", target_os = "linux", target_env = "gnu"))]
unsafe extern "C" {
    fn mallopt(parameter: c_int, value: c_int) -> c_int;
    fn malloc_trim(kept: usize) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_begins_again_once_all_has_come_back() {
        static RESERVE: Reserve = Reserve::new();
        let reserve = &RESERVE;
        let layout = Layout::from_size_align(100, 64).unwrap();
        let first = reserve.allocate(layout);
        let second = reserve.allocate(layout);
        assert!(reserve.holds(first) && reserve.holds(second));
        assert_eq!(second as usize - first as usize, 128);
        reserve.free();
        assert!(reserve.allocate(layout) > second);
        reserve.free();
        reserve.free();
        assert_eq!(reserve.allocate(layout), first);
    }

    #[test]
    fn the_reserve_is_for_small_allocations_and_ends() {
        static RESERVE: Reserve = Reserve::new();
        let reserve = &RESERVE;
        assert!(reserve.allocate(Layout::from_size_align(LARGEST + 1, 1).unwrap()).is_null());
        assert!(reserve.allocate(Layout::from_size_align(8, 1 << 13).unwrap()).is_null());
        let layout = Layout::from_size_align(LARGEST, 8).unwrap();
        let given = (0..100).take_while(|_| !reserve.allocate(layout).is_null()).count();
        assert_eq!(given, SIZE / LARGEST);
    }
}
