//! Boxes, keypoints and masks out of arrays.

use numpy::{PyArrayDyn, PyArrayMethods, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use rayon::prelude::*;

use super::given::Fields;
use super::place::ArrayPlace;
use crate::columns::{BoxFormat, Keypoints, Masks, RotatedBox, RotatedBoxes};
use crate::error::{
    self, Error, can_allocate, collect_growing, collect_parallel, copied, push, reserve, with_capacity,
};
use crate::python::arrays::{DoubleArray, wrong_shape};
use crate::python::items::check_signals;
use crate::python::once::intern;
use crate::rle::{codec, measure, pixels};
use crate::threads;

/// Turns boxes into `x, y, width, height`, in the precision they came in, and checks them.
pub(super) fn convert_boxes(
    array: &DoubleArray,
    format: BoxFormat,
    place: impl Fn(usize) -> error::Place,
    out: &mut Vec<[f64; 4]>,
) -> PyResult<()> {
    for (row, given) in array.values.chunks_exact(4).enumerate() {
        let numbers = [given[0], given[1], given[2], given[3]];
        let converted = format
            .converted(numbers, array.single)
            .map_err(|complaint| place(row).found(format!("is ({}): {complaint}", listed(&numbers))))?;
        push(out, converted)?;
    }
    Ok(())
}

/// Reads rotated boxes of one of these widths: `(N, 5)`, corners `(N, 8)` or `(N, 4, 2)`, 3D boxes `(N, 7)`; gives their
/// number.
pub(crate) fn read_rotated_boxes(
    array: &DoubleArray,
    place: &ArrayPlace<'_>,
    widths: &[usize],
    out: &mut RotatedBoxes,
) -> PyResult<usize> {
    if array.values.is_empty() {
        return Ok(0);
    }
    let given = match array.shape[..] {
        [_, width] => Some(width),
        [_, 4, 2] => Some(8),
        _ => None,
    };
    let Some(width) = given.filter(|width| widths.contains(width)) else {
        let form = |&width: &usize| match width {
            5 => "(N, 5) for centre, width, height and angle",
            7 => "(N, 7) for x, y, z, length, width, height and yaw",
            _ => "(N, 8) for four corners",
        };
        let expected: Vec<&str> = widths.iter().map(form).collect();
        return Err(wrong_shape(&place.array("boxes"), &expected.join(", or "), &array.shape));
    };
    let before = out.width();
    let Some(numbers) = out.of_width(width) else {
        let problem = format!("{width} numbers, those before have {before}");
        return Err(Error::value(problem).at(place.array("boxes")).into());
    };
    can_allocate(3 * size_of_val(&*array.values))?;
    numbers.reserve(array.values.len())?;
    for (row, given) in array.values.chunks_exact(width).enumerate() {
        if let Some(complaint) = RotatedBox::of_numbers(given).and_then(|one| one.complaint()) {
            let found = format!("is ({}): {complaint}", listed(given));
            return Err(place.row("boxes", row).found(found).into());
        }
        numbers.extend(given)?;
    }
    Ok(array.values.len() / width)
}

/// Numbers as a message lists them.
pub(crate) fn listed(numbers: &[f64]) -> String {
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// Reads poses `(N, K, 3)`, of detections also `(N, K, 2)`; gives their number.
pub(super) fn read_keypoints(
    array: &DoubleArray,
    place: &ArrayPlace<'_>,
    detections: bool,
    out: &mut Keypoints,
) -> PyResult<usize> {
    if array.values.is_empty() {
        return Ok(0);
    }
    let (count, points, width) = match array.shape[..] {
        [n, k, 3] => (n, k, 3),
        [n, k, 2] if detections => (n, k, 2),
        _ => return Err(wrong_shape(&place.array("keypoints"), "(N, K, 3)", &array.shape)),
    };
    if !out.is_empty() && out.per_object != points {
        let problem = format!("{points} keypoints, the images before have {}", out.per_object);
        return Err(Error::value(problem).at(place.array("keypoints")).into());
    }
    out.per_object = points;
    for (row, pose) in array.values.chunks_exact(points * width).enumerate() {
        if !pose.iter().all(|x| x.is_finite()) {
            return Err(place.row("keypoints", row).found("has a NaN or infinite number").into());
        }
        for point in pose.chunks_exact(width) {
            out.points.extend(&point[..2])?;
            if !detections {
                push(&mut out.labelled, point[2] > 0.0)?;
            }
        }
    }
    Ok(count)
}

/// Reads masks: an array `(N, H, W)` of flags, or a list of COCO's run-length dictionaries. Gives their areas.
pub(super) fn read_masks(
    value: &Bound<'_, PyAny>,
    place: &ArrayPlace<'_>,
    out: &mut Masks,
) -> PyResult<Vec<f64>> {
    if let Ok(list) = value.cast::<PyList>()
        && (list.is_empty() || list.get_item(0)?.is_instance_of::<PyDict>())
    {
        return read_run_lengths(list, place, out);
    }
    let name = place.array("masks");
    let doors = value.py().import(intern!(value.py(), "meanap._arrays"))?;
    let array = doors.call_method1(intern!(value.py(), "as_masks"), (value, &name))?;
    let array = array.cast::<PyArrayDyn<u8>>()?;
    if array.is_empty() {
        return Ok(Vec::new());
    }
    let &[n, h, w] = array.shape() else { return Err(wrong_shape(&name, "(N, H, W)", array.shape())) };
    let size = |x: usize| u32::try_from(x).map_err(|_| wrong_shape(&name, "(N, H, W)", &[n, h, w]));
    let size = [size(h)?, size(w)?];
    let array = array.readonly();
    let data = array.as_slice()?;
    let encoded = value.py().detach(|| {
        threads::run(|| {
            let encode = |columns: &mut Vec<u8>, mask: &[u8]| -> error::Result<Vec<u32>> {
                reserve(columns, h * w)?;
                by_columns(mask, h, w, columns);
                let mut counts = Vec::new();
                pixels::encode(columns, &mut counts)?;
                Ok(counts)
            };
            collect_parallel(data.par_chunks_exact(h * w).map_init(Vec::new, encode))
        })
    })?;
    let mut areas = with_capacity(encoded.len())?;
    let encoded = encoded.into_iter().collect::<error::Result<Vec<_>>>()?;
    areas.extend(encoded.iter().map(|counts| measure::area(counts.iter().copied()) as f64));
    encoded.iter().try_for_each(|counts| out.push_counts(size, counts))?;
    Ok(areas)
}

/// The pixels of a mask column by column: 1 for foreground.
fn by_columns(mask: &[u8], h: usize, w: usize, columns: &mut Vec<u8>) {
    const TILE: usize = 32;
    columns.resize(h * w, 0);
    for top in (0..h).step_by(TILE) {
        for left in (0..w).step_by(TILE) {
            for x in left..(left + TILE).min(w) {
                for y in top..(top + TILE).min(h) {
                    columns[x * h + y] = u8::from(mask[y * w + x] != 0);
                }
            }
        }
    }
}

/// What is wrong with run lengths that have to fill a mask of this height and width.
pub(crate) fn complaint_of_runs(
    [height, width]: [u32; 2],
    counts: impl Iterator<Item = u32>,
) -> Option<String> {
    let pixels = counts.map(u64::from).sum::<u64>();
    (pixels != u64::from(height) * u64::from(width))
        .then(|| format!("the runs cover {pixels} pixels of a mask of {height} x {width}"))
}

fn read_run_lengths(list: &Bound<'_, PyList>, place: &ArrayPlace<'_>, out: &mut Masks) -> PyResult<Vec<f64>> {
    let py = list.py();
    let mut areas = with_capacity(list.len())?;
    for (row, item) in list.iter().enumerate() {
        check_signals(py, row)?;
        let wrong = |what: &str| PyErr::from(place.row("masks", row).value(what));
        let rle = item.cast::<PyDict>().map_err(|_| wrong("expected a dictionary with size and counts"))?;
        let size: [u32; 2] = match rle.get(intern!(py, "size"))? {
            Some(size) => size.extract().map_err(|_| wrong("\"size\": expected height and width"))?,
            None => return Err(wrong("\"size\" is missing")),
        };
        let Some(counts) = rle.get(intern!(py, "counts"))? else {
            return Err(wrong("\"counts\" is missing"));
        };
        let text: Option<Vec<u8>> = match counts.cast::<PyString>() {
            Ok(text) => Some(copied(text.to_str()?.as_bytes())?),
            Err(_) => {
                let bytes = counts.cast::<pyo3::types::PyBytes>().ok();
                bytes.map(|bytes| copied(bytes.as_bytes())).transpose()?
            }
        };
        let counts: Vec<u32> = match text {
            Some(text) => {
                let text = codec::checked(&text).map_err(|error| wrong(&error.to_string()))?;
                collect_growing(codec::read(text))?
            }
            None => counts.extract().map_err(|_| wrong("\"counts\": expected run lengths"))?,
        };
        if let Some(complaint) = complaint_of_runs(size, counts.iter().copied()) {
            return Err(wrong(&complaint));
        }
        push(&mut areas, measure::area(counts.iter().copied()) as f64)?;
        // Readers give the corners of what they have drawn, where these are compared.
        match rle.get(intern!(py, "polygons"))? {
            Some(rings) => {
                let rings: Vec<Vec<f64>> =
                    rings.extract().map_err(|_| wrong("\"polygons\": expected lists of numbers"))?;
                rings.iter().try_for_each(|ring| out.push_ring(ring.iter().copied()))?;
                out.push_polygons(size, rings.len() as u32)?;
            }
            None => out.push_counts(size, &counts)?,
        }
    }
    Ok(areas)
}
