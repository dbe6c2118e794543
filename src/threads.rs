//! The only file that knows the thread pool.
//!
//! Worker threads do not survive `fork()`, and evaluation is often called on both sides of one (data loaders,
//! process pools). So the pool is remembered together with the process that made it, and a child makes its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

struct Owned {
    process: u32,
    threads: usize,
    pool: Arc<ThreadPool>,
}

static POOL: Mutex<Option<Owned>> = Mutex::new(None);

/// How many threads to use: `MEANAP_NUM_THREADS` if it is a positive number, else all the process may run on.
pub fn count() -> usize {
    let asked = std::env::var("MEANAP_NUM_THREADS").ok().and_then(|text| text.trim().parse().ok());
    match asked {
        Some(threads) if threads > 0 => threads,
        _ => available(),
    }
}

/// How many threads the process may run at once: asked once, because the answer takes a walk through the files of control
/// groups, longer than a small task.
fn available() -> usize {
    static OF_PROCESS: AtomicU64 = AtomicU64::new(0);
    let process = std::process::id();
    let known = OF_PROCESS.load(Ordering::Relaxed);
    if known >> 32 == u64::from(process) {
        return known as u32 as usize;
    }
    // A child may have been put on other processors, so it asks again.
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    OF_PROCESS.store(u64::from(process) << 32 | threads as u64, Ordering::Relaxed);
    threads
}

/// Runs `work` with this process's pool as the one that rayon's iterators use.
pub fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    pool().install(work)
}

/// Runs `work` on the calling thread beside tasks that it gives to this process's pool, and waits for those.
///
/// For a caller that must stay where it is, because it holds the interpreter; or that need not wait for another thread
/// to wake up.
pub fn beside<'scope, T>(work: impl FnOnce(&rayon::Scope<'scope>) -> T) -> T {
    pool().in_place_scope(work)
}

fn pool() -> Arc<ThreadPool> {
    let process = std::process::id();
    let threads = count();
    let mut held = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(owned) = held.as_ref()
        && owned.process == process
        && owned.threads == threads
    {
        return Arc::clone(&owned.pool);
    }
    // A pool inherited through fork() has no threads to join, so it is forgotten, not dropped.
    if let Some(owned) = held.take()
        && owned.process != process
    {
        std::mem::forget(owned);
    }
    let pool = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|index| format!("meanap-{index}"))
        .build()
        .expect("the system can start worker threads");
    let pool = Arc::new(pool);
    *held = Some(Owned { process, threads, pool: Arc::clone(&pool) });
    pool
}
