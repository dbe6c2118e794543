//! Paths of the files that tests write.

use std::path::PathBuf;

use crate::threads::process;

/// A path for a temporary file or folder, which other processes do not use.
pub(crate) fn temporary(name: &str) -> PathBuf {
    // WASI has no such folder of its own; the runner of the tests provides this one.
    let folder = if cfg!(target_family = "wasm") { PathBuf::from("/tmp") } else { std::env::temp_dir() };
    folder.join(format!("meanap-{name}-{}", process()))
}
