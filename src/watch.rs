//! Progress and cancellation of long work.
//!
//! The worker reports its progress and checks now and then for cancellation; another thread reads the progress and may
//! cancel. Cancelled work returns an error of that kind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};

/// State shared by the worker and the thread that reads its progress. The default reports to no one, and costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Watch(Option<Arc<State>>);

#[derive(Debug, Default)]
struct State {
    done: AtomicU64,
    stopped: AtomicBool,
}

impl Watch {
    /// For work with progress and cancellation.
    pub fn new() -> Watch {
        Watch(Some(Arc::default()))
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
    pub fn stop(&self) {
        if let Some(state) = &self.0 {
            state.stopped.store(true, Ordering::Relaxed);
        }
    }

    /// An error if the work is to be given up.
    #[inline]
    pub fn check(&self) -> Result<()> {
        match &self.0 {
            Some(state) if state.stopped.load(Ordering::Relaxed) => Err(Error::cancelled()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_watched_work_counts_and_stops() {
        let (watch, nobody) = (Watch::new(), Watch::default());
        let worker = watch.clone();
        for watch in [&worker, &nobody] {
            watch.advance(3);
            assert!(watch.check().is_ok());
        }
        assert_eq!((watch.done(), nobody.done()), (3, 0));
        watch.stop();
        nobody.stop();
        assert_eq!(worker.check().unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(nobody.check().is_ok());
    }
}
