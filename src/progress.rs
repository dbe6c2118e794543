//! Progress and cancellation of long work.
//!
//! The worker reports its progress and checks now and then for cancellation; another thread reads the progress and may
//! cancel. Cancelled work returns an error of that kind.
//!
//! ```
//! use meanap::progress::Progress;
//!
//! let progress = Progress::new();
//! let worker = progress.clone();
//! worker.advance(3);
//! assert_eq!(progress.done(), 3);
//! progress.cancel();
//! assert!(worker.check().is_err());
//! ```

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};

/// So many items of a long loop may be done between two checks for cancellation.
pub const STRETCH: usize = 1 << 16;

/// The numbers below `count` in stretches, before each of which cancellation is to be checked.
pub fn stretches(count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(STRETCH).map(move |start| start..count.min(start.saturating_add(STRETCH)))
}

/// State shared by the worker and the thread that reads its progress. The default reports to no one, and costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Progress(Option<Arc<SharedState>>);

#[derive(Debug, Default)]
struct SharedState {
    done: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    /// For work with progress and cancellation.
    pub fn new() -> Progress {
        Progress(Some(Arc::default()))
    }

    /// Says that so much more is done.
    #[inline]
    pub fn advance(&self, more: u64) {
        if let Some(state) = &self.0 {
            state.done.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// How much is done.
    pub fn done(&self) -> u64 {
        self.0.as_ref().map_or(0, |state| state.done.load(Ordering::Relaxed))
    }

    /// Cancels the work.
    pub fn cancel(&self) {
        if let Some(state) = &self.0 {
            state.cancelled.store(true, Ordering::Relaxed);
        }
    }

    /// An error if the work is to be given up.
    ///
    /// # Errors
    ///
    /// The work is cancelled.
    #[inline]
    pub fn check(&self) -> Result<()> {
        match &self.0 {
            Some(state) if state.cancelled.load(Ordering::Relaxed) => Err(Error::cancelled()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn stretches_are_all_numbers() {
        for count in [0, 1, STRETCH - 1, STRETCH, STRETCH + 1, 3 * STRETCH + 7] {
            assert!(stretches(count).flatten().eq(0..count));
            assert!(stretches(count).all(|stretch| stretch.len() <= STRETCH));
        }
    }

    #[test]
    fn cancelled_work_stops() {
        let (progress, unreported) = (Progress::new(), Progress::default());
        let worker = progress.clone();
        for progress in [&worker, &unreported] {
            progress.advance(3);
            assert!(progress.check().is_ok());
        }
        assert_eq!((progress.done(), unreported.done()), (3, 0));
        progress.cancel();
        unreported.cancel();
        assert_eq!(worker.check().unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(unreported.check().is_ok());
    }
}
