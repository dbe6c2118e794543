//! Long work beside a thread that listens to the keyboard and tells how far it is.

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::watch::Watch;

/// Between two looks at the keyboard.
const PAUSE: Duration = Duration::from_millis(50);

/// Does the work on another thread, and calls `progress(done, total)` now and then. Ctrl-C, or an error of `progress`,
/// stops the work and is raised.
pub fn watched<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    total: u64,
    work: impl FnOnce(&Watch) -> T + Send,
) -> PyResult<T> {
    let watch = Watch::new();
    thread::scope(|scope| {
        let (sender, mut receiver) = channel();
        let watching = &watch;
        scope.spawn(move || sender.send(work(watching)));
        loop {
            let heard;
            (heard, receiver) = py.detach(move || (receiver.recv_timeout(PAUSE), receiver));
            let done = match heard {
                Ok(_) => total,
                Err(RecvTimeoutError::Timeout) => watch.done().min(total),
                Err(RecvTimeoutError::Disconnected) => panic!("the worker panicked"),
            };
            let told = py.check_signals().and_then(|()| match progress {
                Some(progress) => progress.call1((done, total)).map(drop),
                None => Ok(()),
            });
            match (told, heard) {
                (Ok(()), Ok(value)) => return Ok(value),
                (Ok(()), Err(_)) => {}
                (Err(problem), heard) => {
                    watch.stop();
                    if heard.is_err() {
                        // The worker may be near its end or far from it; either way it does not need the interpreter.
                        py.detach(move || drop(receiver.recv()));
                    }
                    return Err(problem);
                }
            }
        }
    })
}
