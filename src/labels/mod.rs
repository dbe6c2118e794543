//! Label files of other formats than COCO's: text with a line for each object, and the sizes in the headers of images.
//!
//! ```
//! use meanap::labels::image;
//!
//! let header = b"GIF89a\x05\x00\x04\x00";
//! assert_eq!(image::size_of_bytes(header)?, [4, 5]);
//! # Ok::<(), meanap::Error>(())
//! ```

pub mod image;
pub mod table;
pub mod word;
pub mod yolo;

use crate::error::Error;

/// What a line holds, or the code of what is wrong with it and what that is.
type Checked<T> = std::result::Result<T, (&'static str, Error)>;

/// Memory for a line cannot be had, which is no fault of the line.
fn no_memory(error: Error) -> (&'static str, Error) {
    ("no-memory", error)
}

/// Something wrong in one of several files that are read together.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Which file.
    pub file: usize,
    /// The kind of fault, for programs.
    pub code: &'static str,
    /// The line, the field, what was found and expected; without the file's name.
    pub error: Error,
}
