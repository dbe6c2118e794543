//! Reads of lists, floats and dictionaries by borrowed pointers, in both ABIs of CPython.
//!
//! The limited API (feature `abi3`) hides the fields of Python's objects, and functions take their place: one extension
//! module then serves every version of Python, and reads lists and dictionaries more slowly. Wheels for a version read
//! the fields.

#[cfg(not(feature = "abi3"))]
mod fields {
    use pyo3::ffi;

    /// The length of a list.
    ///
    /// # Safety
    ///
    /// `list` is an exact list.
    #[inline]
    pub(crate) unsafe fn list_length(list: *mut ffi::PyObject) -> usize {
        // SAFETY: as the caller guarantees.
        unsafe { ffi::PyList_GET_SIZE(list) as usize }
    }

    /// An item of a list, borrowed.
    ///
    /// # Safety
    ///
    /// `list` is a list with more than `item` items.
    #[inline]
    pub(crate) unsafe fn list_item(list: *mut ffi::PyObject, item: usize) -> *mut ffi::PyObject {
        // SAFETY: as the caller guarantees.
        unsafe { ffi::PyList_GET_ITEM(list, item as ffi::Py_ssize_t) }
    }

    /// The value of a float.
    ///
    /// # Safety
    ///
    /// `float` is a `float`.
    #[inline]
    pub(crate) unsafe fn double(float: *mut ffi::PyObject) -> f64 {
        // SAFETY: as the caller guarantees.
        unsafe { ffi::PyFloat_AS_DOUBLE(float) }
    }

    /// Where the keys of a dictionary are stored, to be prefetched; null where that is not known.
    ///
    /// # Safety
    ///
    /// `dict` is an exact dictionary.
    #[inline]
    pub(crate) unsafe fn dict_keys(dict: *mut ffi::PyObject) -> *const u8 {
        // SAFETY: an exact dictionary begins with these fields.
        unsafe { (*dict.cast::<ffi::PyDictObject>()).ma_keys.cast() }
    }
}

#[cfg(feature = "abi3")]
mod fields {
    use pyo3::ffi;

    /// The length of a list.
    ///
    /// # Safety
    ///
    /// `list` is an exact list.
    #[inline]
    pub(crate) unsafe fn list_length(list: *mut ffi::PyObject) -> usize {
        // SAFETY: as the caller guarantees; a list has a length.
        unsafe { ffi::PyList_Size(list) as usize }
    }

    /// An item of a list, borrowed.
    ///
    /// # Safety
    ///
    /// `list` is a list with more than `item` items.
    #[inline]
    pub(crate) unsafe fn list_item(list: *mut ffi::PyObject, item: usize) -> *mut ffi::PyObject {
        // SAFETY: as the caller guarantees; within the length no error is raised.
        unsafe { ffi::PyList_GetItem(list, item as ffi::Py_ssize_t) }
    }

    /// The value of a float.
    ///
    /// # Safety
    ///
    /// `float` is a `float`.
    #[inline]
    pub(crate) unsafe fn double(float: *mut ffi::PyObject) -> f64 {
        // SAFETY: as the caller guarantees; of a `float` its field is returned, and no Python code runs.
        unsafe { ffi::PyFloat_AsDouble(float) }
    }

    /// Where the keys of a dictionary are stored, to be prefetched; null where that is not known.
    ///
    /// # Safety
    ///
    /// `dict` is an exact dictionary.
    #[inline]
    pub(crate) unsafe fn dict_keys(_dict: *mut ffi::PyObject) -> *const u8 {
        std::ptr::null()
    }
}

pub(super) use fields::{dict_keys, double, list_item, list_length};
