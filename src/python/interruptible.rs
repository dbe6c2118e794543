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
use crate::threads::{OF_A_THREAD, result_of};

/// Between two checks for Ctrl-C.
const PAUSE: Duration = Duration::from_millis(50);

/// Fewer detections are matched without checks for Ctrl-C.
pub(super) const LONG: usize = 50_000;

/// Does work that may be `long` so that Ctrl-C stops it; short work without another thread.
pub(super) fn interruptible<T: Send>(
    py: Python<'_>,
    long: bool,
    work: impl FnOnce(&Progress) -> Result<T> + Send,
) -> PyResult<T> {
    let done = result_of(work, |task| {
        if long {
            run_with_progress(py, None, 0, task)
        } else {
            py.detach(|| task(&Progress::default()));
            Ok(())
        }
    })?;
    Ok(done?)
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
    result_of(work, |task| run_with_progress(py, progress, total, task))
}

fn run_with_progress(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    total: u64,
    task: &mut (dyn FnMut(&Progress) + Send),
) -> PyResult<()> {
    let work_progress = Progress::new();
    let task = Mutex::new(task);
    thread::scope(|scope| {
        let (sender, mut receiver) = channel();
        let run = |progress: &Progress| {
            if let Ok(mut task) = task.lock() {
                task(progress);
            }
        };
        let shared = &work_progress;
        let room = can_allocate(OF_A_THREAD).map_err(|_| io::ErrorKind::OutOfMemory.into());
        let worker = room.and_then(|()| {
            thread::Builder::new().spawn_scoped(scope, move || {
                run(shared);
                // Nothing waits for it any more: another error has been returned already.
                let _ = sender.send(());
            })
        });
        let mut worker = match worker {
            Ok(worker) => Some(worker),
            Err(_) => {
                py.detach(|| run(&Progress::default()));
                return match progress {
                    Some(progress) => progress.call1((total, total)).map(drop),
                    None => Ok(()),
                };
            }
        };
        loop {
            let received;
            (received, receiver) = py.detach(move || (receiver.recv_timeout(PAUSE), receiver));
            let done = match received {
                Ok(()) => total,
                Err(RecvTimeoutError::Timeout) => work_progress.done().min(total),
                Err(RecvTimeoutError::Disconnected) => match worker.take().map(|worker| worker.join()) {
                    Some(Err(panic)) => resume_unwind(panic),
                    _ => unreachable!("a worker that ends well has sent a message"),
                },
            };
            let checked = py.check_signals().and_then(|()| match progress {
                Some(progress) => progress.call1((done, total)).map(drop),
                None => Ok(()),
            });
            match (checked, received) {
                (Ok(()), Ok(())) => return Ok(()),
                (Ok(()), Err(_)) => {}
                (Err(problem), received) => {
                    work_progress.cancel();
                    if received.is_err() {
                        // The worker may be near its end or far from it; either way it does not need the interpreter.
                        py.detach(move || {
                            let _ = receiver.recv();
                        });
                    }
                    return Err(problem);
                }
            }
        }
    })
}
