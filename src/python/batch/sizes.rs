//! The sizes that decide on area ranges: areas, or what a protocol takes in their place.

use pyo3::prelude::*;

use super::given::{Fields, GivenArrays};
use crate::columns::{RotatedBoxes, Size, level_of_height, take_areas, take_exact_areas};
use crate::error::Error;
use crate::python::arrays::numbers;
use crate::python::once::intern;

/// Puts areas that are given in the place of those of the geometry.
pub(super) fn take_given_areas<'py>(
    py: Python<'py>,
    given: &GivenArrays<'_, impl Fields<'py>>,
    areas: &mut [f64],
) -> PyResult<()> {
    if let Some(values) = given.column(intern!(py, "area"))? {
        take_areas(areas, &values).map_err(|row| {
            let error = given.place.row("area", row).found(format!("is {}", values[row]));
            error.expected("an area in pixels")
        })?;
    }
    if let Some(values) = given.column_called(intern!(py, "exact_area"), "area")? {
        take_exact_areas(areas, &values);
    }
    Ok(())
}

/// Puts what the protocol calls a size in the place of areas: of objects with these upright boxes, or with rotated ones
/// from an index on.
pub(super) fn take_sizes<'py>(
    py: Python<'py>,
    given: &GivenArrays<'_, impl Fields<'py>>,
    areas: &mut [f64],
    boxes: &[[f64; 4]],
    rotated: Option<(&RotatedBoxes, usize)>,
) -> PyResult<()> {
    let size = given.options.size;
    match size {
        Size::Area => {}
        Size::Difficulty | Size::Level => take_difficulties(py, given, areas, boxes)?,
        Size::Fraction => take_fractions(py, given, areas)?,
        Size::Pose | Size::Diagonal | Size::LongestSide => {
            // Only upright boxes have a person in them.
            let rotated = rotated.filter(|_| size != Size::Pose);
            if boxes.len() != given.count && rotated.is_none() {
                return Err(given.missing("boxes"));
            }
            for (row, area) in areas.iter_mut().enumerate() {
                let sides = match rotated {
                    Some((all, first)) => all.get(first + row).sides(),
                    None => [boxes[row][2], boxes[row][3]],
                };
                *area = size.of_sides(sides).unwrap_or(*area);
            }
        }
    }
    Ok(())
}

fn take_difficulties<'py>(
    py: Python<'py>,
    given: &GivenArrays<'_, impl Fields<'py>>,
    areas: &mut [f64],
    boxes: &[[f64; 4]],
) -> PyResult<()> {
    match given.column(intern!(py, "difficulty"))? {
        Some(levels) => {
            for (row, (area, level)) in areas.iter_mut().zip(levels).enumerate() {
                if ![1.0, 2.0, 3.0, 4.0].contains(&level) {
                    let error = given.place.row("difficulty", row).found(format!("is {level}"));
                    return Err(error.expected("1 (easy), 2 (moderate), 3 (hard) or 4").into());
                }
                *area = level;
            }
        }
        None if !given.detections => return Err(given.missing("difficulty")),
        None if given.options.size == Size::Level => areas.fill(1.0),
        None => {
            // The height in the image is known of upright boxes alone.
            let level = |row: usize| boxes.get(row).map_or(1.0, |sides| level_of_height(sides[3]));
            areas.iter_mut().enumerate().for_each(|(row, area)| *area = level(row));
        }
    }
    Ok(())
}

/// Areas as fractions of the image: of its height and width, or of an area for each object.
fn take_fractions<'py>(
    py: Python<'py>,
    given: &GivenArrays<'_, impl Fields<'py>>,
    areas: &mut [f64],
) -> PyResult<()> {
    if let Some(size) = given.fields.get(intern!(py, "image_size"))? {
        let named = || given.place.array("image_size");
        let size = numbers(&size, named)?;
        match size.values[..] {
            [height, width] if size.shape == [2] && height > 0.0 && width > 0.0 => {
                areas.iter_mut().for_each(|area| *area /= height * width);
            }
            _ => return Err(Error::value("expected height and width, both above zero").at(named()).into()),
        }
    } else if let Some(whole) = given.column(intern!(py, "image_area"))? {
        areas.iter_mut().zip(whole).for_each(|(area, whole)| *area /= whole);
    } else {
        return Err(given.missing("image_size"));
    }
    Ok(())
}
