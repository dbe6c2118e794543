//! Plain values out of annotation dictionaries, the one place here that reads dictionaries by borrowed pointers.
//!
//! While pointers are borrowed no Python object may be allocated and no error raised: either may start a garbage
//! collection, which may run any Python code, which may change the dictionary that is being read.
//!
//! Half a million dictionaries are bound by memory: each lies in a dozen cache lines, and counting a reference to a
//! value in and out writes to one that only had to be read. Here fields are found by walking a dictionary's items,
//! which mostly have the very keys of the dictionary before, and what leaves is numbers, never a borrowed object. No
//! Python code runs on the way. What is anything but plain is left to the safe path (`number`, `extract`); the tests
//! send the same dictionaries both ways.

use super::direct;
use crate::simd;

use std::ffi::CStr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Without a global lock other threads may change a dictionary under our eyes: such an interpreter, whose objects have
/// a larger head, takes the safe path.
const LOCKED: bool = size_of::<ffi::PyObject>() == 2 * size_of::<usize>();

/// Distances of prefetching: of dictionaries ahead of reading, and of their keys.
const AHEAD: usize = 16;
const KEYS_AHEAD: usize = 8;

/// A field of an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnnotationField {
    /// `image_id`
    Image,
    /// `category_id`
    Category,
    /// `id`
    Id,
    /// `area`
    Area,
    /// `score`
    Score,
    /// `iscrowd`
    Crowd,
    /// `bbox`
    Box,
    /// `segmentation`
    Segmentation,
}

const NAMES: [(&CStr, AnnotationField); 8] = [
    (c"image_id", AnnotationField::Image),
    (c"category_id", AnnotationField::Category),
    (c"id", AnnotationField::Id),
    (c"area", AnnotationField::Area),
    (c"score", AnnotationField::Score),
    (c"iscrowd", AnnotationField::Crowd),
    (c"bbox", AnnotationField::Box),
    (c"segmentation", AnnotationField::Segmentation),
];

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum PlainValue {
    /// A `float`.
    Double(f64),
    /// An `int` of 64 bits.
    Integer(i64),
    /// Anything else.
    Other,
    /// Nothing: the dictionary has no such field.
    Missing,
}

impl PlainValue {
    /// The integer that it is.
    pub(super) fn integer(self) -> Option<i64> {
        match self {
            PlainValue::Integer(value) => Some(value),
            _ => None,
        }
    }

    /// The double that it is, or that its integer is without rounding.
    pub(super) fn exact(self) -> Option<f64> {
        const EXACT: i64 = 1 << 53;
        match self {
            PlainValue::Double(value) => Some(value),
            PlainValue::Integer(value) => (-EXACT..=EXACT).contains(&value).then_some(value as f64),
            PlainValue::Other | PlainValue::Missing => None,
        }
    }
}

/// The requested fields of one annotation.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnnotationRecord {
    /// `image_id`
    pub image: PlainValue,
    /// `category_id`
    pub category: PlainValue,
    /// `id`
    pub id: PlainValue,
    /// `area`
    pub area: PlainValue,
    /// `score`
    pub score: PlainValue,
    /// `iscrowd`
    pub crowd: PlainValue,
    /// `bbox`, if it is a list of four numbers.
    pub bbox: Option<[f64; 4]>,
}

/// A result whose box is a list of four `float`.
pub(super) struct BoxResult<'py> {
    /// `x, y, width, height`
    pub sides: [f64; 4],
    /// The very objects of `x` and `y`.
    pub corner: [Bound<'py, PyAny>; 2],
    /// Whether there is a `segmentation`.
    pub segmented: bool,
    /// `id`
    pub id: PlainValue,
    /// `image_id`
    pub image: PlainValue,
    /// `category_id`
    pub category: PlainValue,
}

/// Borrowed pointers to the values of the fields, null for those that are missing or were not requested.
struct FieldPointers([*mut ffi::PyObject; NAMES.len()]);

/// Reads one dictionary after the other.
pub(super) struct DictReader<'py> {
    wanted: Vec<AnnotationField>,
    /// The keys of the dictionary before, in its order, and what they stand for. They are held by reference, so that an
    /// equal pointer is the same key.
    keys: Vec<(Bound<'py, PyAny>, Option<AnnotationField>)>,
}

impl<'py> DictReader<'py> {
    /// A reader of these fields.
    pub(super) fn new(wanted: &[AnnotationField]) -> Self {
        DictReader { wanted: wanted.to_vec(), keys: Vec::new() }
    }

    /// The fields of an annotation; None where it has other keys than strings, or may change meanwhile.
    pub(super) fn read(&mut self, annotation: &Bound<'py, PyDict>) -> Option<AnnotationRecord> {
        let found = self.find(annotation)?;
        Some(AnnotationRecord {
            image: found.plain(AnnotationField::Image),
            category: found.plain(AnnotationField::Category),
            id: found.plain(AnnotationField::Id),
            area: found.plain(AnnotationField::Area),
            score: found.plain(AnnotationField::Score),
            crowd: found.plain(AnnotationField::Crowd),
            bbox: found.numbers(AnnotationField::Box),
        })
    }

    /// A result's box; None where it is not a list of four `float`.
    pub(super) fn box_result(&mut self, annotation: &Bound<'py, PyDict>) -> Option<BoxResult<'py>> {
        let py = annotation.py();
        let found = self.find(annotation)?;
        let bbox = found.list_of_four(AnnotationField::Box)?;
        // SAFETY: the items of a list that nothing has changed since it was found are alive.
        let doubles = bbox.map(|item| match unsafe { plain(item) } {
            PlainValue::Double(value) => Some(value),
            _ => None,
        });
        let [Some(x), Some(y), Some(width), Some(height)] = doubles else { return None };
        // SAFETY: as before; this counts them.
        let corner =
            unsafe { [Bound::from_borrowed_ptr(py, bbox[0]), Bound::from_borrowed_ptr(py, bbox[1])] };
        Some(BoxResult {
            sides: [x, y, width, height],
            corner,
            segmented: !found.of(AnnotationField::Segmentation).is_null(),
            id: found.plain(AnnotationField::Id),
            image: found.plain(AnnotationField::Image),
            category: found.plain(AnnotationField::Category),
        })
    }

    fn find(&mut self, annotation: &Bound<'py, PyDict>) -> Option<FieldPointers> {
        if !LOCKED {
            return None;
        }
        let mut found = FieldPointers([std::ptr::null_mut(); NAMES.len()]);
        let (mut position, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
        let mut item = 0;
        // SAFETY: `annotation` is a dictionary, and nothing below changes it: neither `PyDict_Next` nor `learn` runs
        // Python code or allocates an object. The pointers it gives are borrowed and alive until it changes.
        while unsafe { ffi::PyDict_Next(annotation.as_ptr(), &mut position, &mut key, &mut value) } != 0 {
            let field = match self.keys.get(item) {
                Some((known, field)) if known.as_ptr() == key => *field,
                // SAFETY: as above, the key is alive.
                _ => unsafe { self.learn(annotation.py(), item, key) }?,
            };
            if let Some(field) = field {
                found.0[field as usize] = value;
            }
            item += 1;
        }
        Some(found)
    }

    /// Notes that this is the key at that place; what it stands for, or None if it is no exact string.
    ///
    /// # Safety
    ///
    /// The key is alive.
    #[cold]
    unsafe fn learn(
        &mut self,
        py: Python<'py>,
        item: usize,
        key: *mut ffi::PyObject,
    ) -> Option<Option<AnnotationField>> {
        // SAFETY: the key is alive, and its type is read only.
        if unsafe { ffi::PyUnicode_CheckExact(key) } == 0 {
            return None;
        }
        // SAFETY: it is an exact string. The comparison reads its characters as they are stored: nothing is converted,
        // so that nothing is allocated and nothing can fail, whatever characters they are.
        let is = |name: &CStr| unsafe { ffi::PyUnicode_CompareWithASCIIString(key, name.as_ptr()) } == 0;
        let known = NAMES.iter().find(|(name, _)| is(name)).map(|&(_, field)| field);
        let field = known.filter(|field| self.wanted.contains(field));
        // SAFETY: the key is alive; this counts it.
        let key = unsafe { Bound::from_borrowed_ptr(py, key) };
        // Of exact strings, which nothing else happens to when they are freed.
        self.keys.truncate(item);
        self.keys.push((key, field));
        Some(field)
    }
}

impl FieldPointers {
    fn of(&self, field: AnnotationField) -> *mut ffi::PyObject {
        self.0[field as usize]
    }

    fn plain(&self, field: AnnotationField) -> PlainValue {
        let value = self.of(field);
        // SAFETY: the value of a dictionary that nothing has changed since it was found is alive.
        if value.is_null() { PlainValue::Missing } else { unsafe { plain(value) } }
    }

    fn list_of_four(&self, field: AnnotationField) -> Option<[*mut ffi::PyObject; 4]> {
        let list = self.of(field);
        // SAFETY: the value of a dictionary that nothing has changed since is alive, and so are the items of a list
        // that is one of its values. Length and items of an exact list, within its length, are only
        // read.
        unsafe {
            let four = !list.is_null() && ffi::PyList_CheckExact(list) != 0 && direct::list_length(list) == 4;
            four.then(|| [0, 1, 2, 3].map(|item| direct::list_item(list, item)))
        }
    }

    fn numbers(&self, field: AnnotationField) -> Option<[f64; 4]> {
        // SAFETY: as are the items of a list that is such a value.
        let [a, b, c, d] = self.list_of_four(field)?.map(|item| unsafe { plain(item) }.exact());
        Some([a?, b?, c?, d?])
    }
}

/// What an object is.
///
/// # Safety
///
/// The object is alive.
#[inline]
unsafe fn plain(object: *mut ffi::PyObject) -> PlainValue {
    // SAFETY: the object is alive. The checks read an object's type only; the value of an exact `float` is a field of
    // it, and `PyLong_AsLongLongAndOverflow` of an exact `int` calls no Python code and raises nothing.
    unsafe {
        if ffi::PyFloat_CheckExact(object) != 0 {
            return PlainValue::Double(direct::double(object));
        }
        if ffi::PyLong_CheckExact(object) != 0 {
            let mut overflow = 0;
            let value = ffi::PyLong_AsLongLongAndOverflow(object, &mut overflow);
            if overflow == 0 {
                return PlainValue::Integer(value);
            }
        }
    }
    PlainValue::Other
}

/// Prefetches dictionaries that will be read soon, those after `record` in the list. Only a hint.
#[inline]
pub(super) fn prefetch(list: &Bound<'_, PyList>, record: usize) {
    if !LOCKED {
        return;
    }
    let length = list.len();
    // SAFETY: `list` is a list, the items lie within its length, and nothing changes it here. Of the nearer item, a live
    // object, the field for a dictionary's keys is read only if it is a dictionary.
    unsafe {
        if record + AHEAD < length {
            simd::prefetch_line(direct::list_item(list.as_ptr(), record + AHEAD));
        }
        if record + KEYS_AHEAD < length {
            let item = direct::list_item(list.as_ptr(), record + KEYS_AHEAD);
            if ffi::PyDict_CheckExact(item) != 0 {
                let keys = direct::dict_keys(item);
                for line in 0..if keys.is_null() { 0 } else { 3 } {
                    simd::prefetch_line(keys.wrapping_add(64 * line));
                }
            }
        }
    }
}
