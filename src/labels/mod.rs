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
