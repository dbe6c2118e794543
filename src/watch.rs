//! Long work that somebody watches and may stop.
//!
//! Who works says how far the work is and asks now and then whether to go on; who watches sits elsewhere, at a keyboard
//! say. Work that was cancelled comes back as an error of that kind: the watcher knows why.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::{Error, Result};

/// What worker and watcher share. The default is that nobody watches, and costs nothing.
#[derive(Clone, Debug, Default)]
pub struct Watch(Option<Arc<State>>);

#[derive(Debug, Default)]
struct State {
    done: AtomicU64,
    stopped: AtomicBool,
}

impl Watch {
    /// For work that is watched.
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

    /// Asks for the work to be given up.
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
