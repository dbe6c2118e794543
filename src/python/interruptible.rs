//! Runs long work in another thread, while this one handles Ctrl-C and reports progress.

use std::io;
use std::panic::resume_unwind;
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;

use crate::error::{Result, can_allocate};
use crate::progress::Progress;
use crate::threads::OF_A_THREAD;

/// Between two checks for Ctrl-C.
const PAUSE: Duration = Duration::from_millis(50);

/// Does work that may be `long` so that Ctrl-C stops it; short work without another thread.
pub(super) fn interruptible<T: Send>(
    py: Python<'_>,
    long: bool,
    work: impl FnOnce(&Progress) -> Result<T> + Send,
) -> PyResult<T> {
    Ok(if long { with_progress(py, None, 0, work)? } else { py.detach(|| work(&Progress::default())) }?)
}

/// Does the work on another thread, and calls `progress(done, total)` now and then. Ctrl-C, or an error of `progress`,
/// stops the work and is raised.
///
/// Where no thread can be started the work is done here, without progress or cancellation.
pub(super) fn with_progress<T: Send>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    total: u64,
    work: impl FnOnce(&Progress) -> T + Send,
) -> PyResult<T> {
    let work_progress = Progress::new();
    let work = Mutex::new(Some(work));
    thread::scope(|scope| {
        let (sender, mut receiver) = channel();
        let shared = &work_progress;
        let take = || work.lock().ok().and_then(|mut work| work.take());
        let room = can_allocate(OF_A_THREAD).map_err(|_| io::ErrorKind::OutOfMemory.into());
        let worker = room.and_then(|()| {
            thread::Builder::new().spawn_scoped(scope, move || {
                if let Some(work) = take() {
                    // Nothing waits for it any more: another error has been returned already.
                    let _ = sender.send(work(shared));
                }
            })
        });
        let mut worker = match worker {
            Ok(worker) => Some(worker),
            Err(_) => {
                let Some(work) = take() else { unreachable!("the work has not been taken") };
                let done = py.detach(|| work(&Progress::default()));
                if let Some(progress) = progress {
                    progress.call1((total, total))?;
                }
                return Ok(done);
            }
        };
        loop {
            let heard;
            (heard, receiver) = py.detach(move || (receiver.recv_timeout(PAUSE), receiver));
            let done = match heard {
                Ok(_) => total,
                Err(RecvTimeoutError::Timeout) => work_progress.done().min(total),
                Err(RecvTimeoutError::Disconnected) => match worker.take().map(|worker| worker.join()) {
                    Some(Err(panic)) => resume_unwind(panic),
                    _ => unreachable!("a worker that ends well has sent its result"),
                },
            };
            let told = py.check_signals().and_then(|()| match progress {
                Some(progress) => progress.call1((done, total)).map(drop),
                None => Ok(()),
            });
            match (told, heard) {
                (Ok(()), Ok(value)) => return Ok(value),
                (Ok(()), Err(_)) => {}
                (Err(problem), heard) => {
                    work_progress.cancel();
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
