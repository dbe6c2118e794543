//! The thread pool; no other module uses it directly.
//!
//! Worker threads do not survive `fork()`, and evaluation is often called on both sides of one (data loaders, process
//! pools), at any moment: while another thread of the parent makes the pool, say. So nothing here takes a lock, which a
//! child could inherit while no thread is left to release it: the pool is found by one pointer together with the
//! process that made it, and a child makes its own.
//!
//! Where the system starts no more threads, the pool has as many as there are; where it starts none, the calling thread
//! does the work.
//!
//! ```
//! use meanap::threads;
//! use rayon::prelude::*;
//!
//! let sum: u64 = threads::run(|| (1..=100u64).into_par_iter().sum());
//! assert_eq!(sum, 5050);
//! ```

use std::cell::Cell;
use std::convert::Infallible;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use rayon::prelude::*;
use rayon::{Scope, ThreadPool, ThreadPoolBuilder};

use crate::error::can_allocate;

/// Most threads of a pool, where the process has not more processors than that.
const MOST: usize = 256;

/// Bytes that a thread takes beside its stack, at most: the C library reserves as many addresses for what it allocates,
/// and without them cannot even hold the thread's own variables.
pub const OF_A_THREAD: usize = 1 << 26;

/// Bytes of a thread's stack.
const STACK: usize = 1 << 21;

/// A process's pool.
struct Owned {
    process: u32,
    /// None if no thread could be started.
    pool: Option<ThreadPool>,
}

/// The pool of this process or of one that it was forked from; null before there is any. Never freed.
static POOL: AtomicPtr<Owned> = AtomicPtr::new(ptr::null_mut());

/// To be called once before there is a second thread: sets up what a child could otherwise inherit half made.
pub fn prepare() {
    count();
    // Rayon's queues share a collector that the first use of it makes, under a lock.
    drop(crossbeam_epoch::pin());
}

/// How many threads to use: `MEANAP_NUM_THREADS` if that is a positive number, else all that the process may run on. At
/// most 256, or as many as there are processors.
///
/// Both are read once in each process: a variable may change while it is read, and counting processors reads the files
/// of control groups, which takes longer than a small task. A child may run on other processors, so it reads them
/// again.
pub fn count() -> usize {
    /// The process in the upper half, its number of threads in the lower one.
    static OF_PROCESS: AtomicU64 = AtomicU64::new(0);
    let process = process();
    let known = OF_PROCESS.load(Ordering::Relaxed);
    if known >> 32 == u64::from(process) {
        return known as u32 as usize;
    }
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    let asked = std::env::var("MEANAP_NUM_THREADS").ok();
    let threads = chosen(asked.as_deref(), available);
    OF_PROCESS.store(u64::from(process) << 32 | threads as u64, Ordering::Relaxed);
    threads
}

fn chosen(asked: Option<&str>, available: usize) -> usize {
    let asked =
        asked.map(str::trim).filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
    // What is too large for a number is too many threads.
    match asked.map(|text| text.parse().unwrap_or(usize::MAX)) {
        None | Some(0) => available,
        Some(threads) => threads.min(MOST.max(available)),
    }
}

/// How many of so many items one task takes: several tasks for each thread, as a task that has begun is not divided and
/// no thread is to wait long for the last one; all of them where there is one thread.
pub fn items_of_task(items: usize) -> usize {
    /// Tasks for each thread.
    const TASKS: usize = 8;
    match count() {
        1 => items,
        threads => items / (TASKS * threads),
    }
    .max(1)
}

/// The first of `0..count` that is found: `find` gives its place in a piece of them. Pieces are looked through side by
/// side.
pub fn position(count: usize, find: &(dyn Fn(Range<usize>) -> Option<usize> + Sync)) -> Option<usize> {
    const PIECE: usize = 1 << 14;
    if count <= PIECE {
        return find(0..count);
    }
    let find_in = |start: usize| Some(start + find(start..count.min(start + PIECE))?);
    run(|| (0..count.div_ceil(PIECE)).into_par_iter().find_map_first(|piece| find_in(piece * PIECE)))
}

/// Runs `work` with this process's pool as the one that rayon's iterators use.
pub fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    // Rayon's own code is then compiled once and not for each caller.
    let Ok(done) = result_of(
        |()| work(),
        |task| {
            run_task(&mut || task(&()));
            Ok::<(), Infallible>(())
        },
    );
    done
}

/// The result of work that `run` runs once, unless that has failed. What runs it is given a task that leaves the result
/// elsewhere, so it is compiled once, and not for each kind of result.
pub(crate) fn result_of<C, T: Send, E>(
    work: impl FnOnce(&C) -> T + Send,
    run: impl FnOnce(&mut (dyn FnMut(&C) + Send)) -> Result<(), E>,
) -> Result<T, E> {
    let mut work = Some(work);
    let mut result = None;
    run(&mut |context| result = work.take().map(|work| work(context)))?;
    let Some(result) = result else { unreachable!("the task has run") };
    Ok(result)
}

fn run_task(task: &mut (dyn FnMut() + Send)) {
    match pool() {
        Some(pool) => pool.install(task),
        None => {
            alone();
            task();
        }
    }
}

/// Runs `work` on the calling thread beside tasks that it gives to this process's pool, and waits for those.
///
/// For a caller that must stay where it is, because it holds the interpreter; or that need not wait for another thread
/// to wake up.
pub fn beside<'scope, T>(work: impl FnOnce(&Scope<'scope>) -> T) -> T {
    match pool() {
        Some(pool) => pool.in_place_scope(work),
        None => {
            alone();
            rayon::in_place_scope(work)
        }
    }
}

/// The number of this process. WebAssembly's have none, and no children.
pub(crate) fn process() -> u32 {
    if cfg!(target_family = "wasm") { 1 } else { std::process::id() }
}

fn pool() -> Option<&'static ThreadPool> {
    let process = process();
    let held = POOL.load(Ordering::Acquire);
    // SAFETY: what was stored came of `Box::into_raw` and is never freed.
    if let Some(owned) = unsafe { held.as_ref() }
        && owned.process == process
    {
        return owned.pool.as_ref();
    }
    let made = Box::into_raw(Box::new(Owned { process, pool: start(count()) }));
    // A pool inherited through fork() has no threads to join, so it is leaked, not dropped.
    match POOL.compare_exchange(held, made, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: as above.
        Ok(_) => unsafe { &*made }.pool.as_ref(),
        Err(other) => {
            // SAFETY: it was made here, and nothing else refers to it. Its threads end.
            drop(unsafe { Box::from_raw(made) });
            // SAFETY: as above. What another thread of this process has stored is of this process.
            unsafe { &*other }.pool.as_ref()
        }
    }
}

/// A pool of so many threads, or of as many as the system starts.
fn start(threads: usize) -> Option<ThreadPool> {
    let mut threads = threads;
    while threads > 0 {
        // A thread without memory for its own variables ends the process.
        if can_allocate(threads.saturating_mul(STACK).saturating_add(OF_A_THREAD)).is_err() {
            threads /= 2;
            continue;
        }
        let builder = ThreadPoolBuilder::new().num_threads(threads);
        match builder.thread_name(|index| format!("meanap-{index}")).build() {
            Ok(pool) => return Some(pool),
            Err(_) => threads /= 2,
        }
    }
    None
}

/// Makes the calling thread the one worker of a pool of its own, unless it is a worker already.
fn alone() {
    thread_local!(static ASKED: Cell<bool> = const { Cell::new(false) });
    if !ASKED.replace(true) && rayon::current_thread_index().is_none() {
        // No thread is started. The pool lasts as long as the thread.
        let pool = ThreadPoolBuilder::new().num_threads(1).use_current_thread().build();
        std::mem::forget(pool);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_wishes_are_bounded() {
        for (asked, expected) in [
            (None, 8),
            (Some("3"), 3),
            (Some(" 3 "), 3),
            (Some("0"), 8),
            (Some("-3"), 8),
            (Some("garbage"), 8),
            (Some(""), 8),
            (Some("256"), 256),
            (Some("257"), 256),
            (Some("99999999999999999999999999"), 256),
        ] {
            assert_eq!(chosen(asked, 8), expected, "{asked:?}");
        }
        assert_eq!(chosen(Some("500"), 384), 384);
    }

    #[test]
    fn the_first_place_is_found_in_whichever_piece_it_is() {
        for count in [0, 1, 1 << 14, 40_000] {
            for places in [vec![], vec![0], vec![5, 16_384], vec![39_999], vec![16_383, 16_384, 20_000]] {
                let found = position(count, &|piece| piece.clone().position(|at| places.contains(&at)));
                assert_eq!(found, places.into_iter().find(|&at| at < count), "{count}");
            }
        }
    }

    #[cfg_attr(target_family = "wasm", ignore = "there are no threads")]
    #[test]
    fn a_thread_without_a_pool_does_the_work() {
        let found = std::thread::spawn(|| {
            alone();
            alone();
            let sum: usize = (0..1000).into_par_iter().sum();
            let mut done = 0;
            rayon::in_place_scope(|scope| scope.spawn(|_| done = 1));
            (sum, done, rayon::current_num_threads())
        });
        assert_eq!(found.join().unwrap(), (499_500, 1, 1));
    }
}
