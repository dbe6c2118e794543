//! The structures of the C data and C stream interfaces, and their ownership.
//!
//! A structure is owned by the holder of the copy with `release` set; moving it is copying its bytes and clearing
//! `release` in the place that it came from. Here the owner is a Rust value and `release` is called when it is dropped.

use std::ffi::{CStr, c_char, c_int, c_void};

use crate::error::{Error, Result};

/// The type of a column.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowSchema {
    pub(super) format: *const c_char,
    pub(super) name: *const c_char,
    pub(super) metadata: *const c_char,
    pub(super) flags: i64,
    pub(super) n_children: i64,
    pub(super) children: *mut *mut ArrowSchema,
    pub(super) dictionary: *mut ArrowSchema,
    pub(super) release: Option<unsafe extern "C" fn(*mut ArrowSchema)>,
    pub(super) private_data: *mut c_void,
}

/// The values of a column.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowArray {
    pub(super) length: i64,
    pub(super) null_count: i64,
    pub(super) offset: i64,
    pub(super) n_buffers: i64,
    pub(super) n_children: i64,
    pub(super) buffers: *mut *const c_void,
    pub(super) children: *mut *mut ArrowArray,
    pub(super) dictionary: *mut ArrowArray,
    pub(super) release: Option<unsafe extern "C" fn(*mut ArrowArray)>,
    pub(super) private_data: *mut c_void,
}

/// Values that come batch by batch.
#[repr(C)]
#[derive(Debug)]
pub struct ArrowArrayStream {
    pub(super) get_schema: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut ArrowSchema) -> c_int>,
    pub(super) get_next: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut ArrowArray) -> c_int>,
    pub(super) get_last_error: Option<unsafe extern "C" fn(*mut ArrowArrayStream) -> *const c_char>,
    pub(super) release: Option<unsafe extern "C" fn(*mut ArrowArrayStream)>,
    pub(super) private_data: *mut c_void,
}

macro_rules! owned {
    ($structure:ident { $($field:ident: $empty:expr),* $(,)? }) => {
        impl $structure {
            /// One that owns nothing, for a producer to fill.
            pub fn empty() -> Self {
                $structure { $($field: $empty),* }
            }

            /// Takes the structure out of a place that a producer filled; the place then owns nothing.
            ///
            /// # Safety
            ///
            /// `place` points to a structure that is valid by the rules of the interface, and nothing else uses it
            /// meanwhile.
            pub unsafe fn take(place: *mut Self) -> Self {
                // SAFETY: the caller says that the place can be read and written.
                unsafe { std::ptr::replace(place, Self::empty()) }
            }

            /// Whether there is something to free: an owner that was emptied, or the end of a stream, has none.
            pub fn is_owner(&self) -> bool {
                self.release.is_some()
            }
        }

        impl Drop for $structure {
            fn drop(&mut self) {
                if let Some(release) = self.release {
                    // SAFETY: set means owned and not yet freed; the callback clears it.
                    unsafe { release(self) }
                }
            }
        }

        // SAFETY: the interface lets any one thread call and free; what is behind an array or a schema does not
        // change, so that several may read it.
        unsafe impl Send for $structure {}
    };
}

owned!(ArrowSchema {
    format: std::ptr::null(),
    name: std::ptr::null(),
    metadata: std::ptr::null(),
    flags: 0,
    n_children: 0,
    children: std::ptr::null_mut(),
    dictionary: std::ptr::null_mut(),
    release: None,
    private_data: std::ptr::null_mut(),
});

owned!(ArrowArray {
    length: 0,
    null_count: 0,
    offset: 0,
    n_buffers: 0,
    n_children: 0,
    buffers: std::ptr::null_mut(),
    children: std::ptr::null_mut(),
    dictionary: std::ptr::null_mut(),
    release: None,
    private_data: std::ptr::null_mut(),
});

owned!(ArrowArrayStream {
    get_schema: None,
    get_next: None,
    get_last_error: None,
    release: None,
    private_data: std::ptr::null_mut(),
});

// SAFETY: nothing behind them changes until they are dropped, see `owned`.
unsafe impl Sync for ArrowSchema {}
// SAFETY: as above.
unsafe impl Sync for ArrowArray {}

impl ArrowArrayStream {
    /// The type of every batch.
    ///
    /// # Errors
    ///
    /// The stream was read before, or reports an error.
    pub fn schema(&mut self) -> Result<ArrowSchema> {
        let get = self.get_schema.ok_or_else(|| Error::value("an Arrow stream that was read before"))?;
        let mut schema = ArrowSchema::empty();
        // SAFETY: a stream that has callbacks is alive; it fills the place or says why not.
        let code = unsafe { get(self, &mut schema) };
        if code == 0 { Ok(schema) } else { Err(self.failure(code)) }
    }

    /// The next batch; none at the end.
    ///
    /// # Errors
    ///
    /// The stream was read before, or reports an error.
    pub fn next_batch(&mut self) -> Result<Option<ArrowArray>> {
        let get = self.get_next.ok_or_else(|| Error::value("an Arrow stream that was read before"))?;
        let mut array = ArrowArray::empty();
        // SAFETY: as for the schema.
        let code = unsafe { get(self, &mut array) };
        if code == 0 { Ok(array.is_owner().then_some(array)) } else { Err(self.failure(code)) }
    }

    fn failure(&mut self, code: c_int) -> Error {
        let message = self.get_last_error.and_then(|get| {
            // SAFETY: called right after a call that failed, as the interface requires.
            let text = unsafe { get(self) };
            // SAFETY: null, or a text that lives until the next call.
            (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
        });
        Error::value(message.unwrap_or_else(|| format!("the Arrow stream failed with code {code}")))
    }
}
