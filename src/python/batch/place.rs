//! What is being read, as errors name it.

use crate::error;

/// Arrays by name, or the records of COCO.
pub(crate) enum ArrayPlace<'a> {
    /// The dictionary of an image or the keywords of a call: `preds[3]`, `Detections`.
    Arrays(&'a dyn Fn() -> String),
    /// COCO's records: `detections`.
    Records(&'static str),
    /// One array, which is an argument of that name.
    Argument(&'a str),
}

impl ArrayPlace<'_> {
    /// All of it.
    pub(crate) fn whole(&self) -> String {
        match self {
            ArrayPlace::Arrays(name) => name(),
            ArrayPlace::Records(name) => (*name).to_owned(),
            ArrayPlace::Argument(name) => (*name).to_owned(),
        }
    }

    /// The array of that name.
    pub(crate) fn array(&self, name: &str) -> String {
        match self {
            ArrayPlace::Arrays(place) => format!("{}[\"{name}\"]", place()),
            ArrayPlace::Records(place) => format!("{place}: \"{}\"", field(name)),
            ArrayPlace::Argument(argument) => (*argument).to_owned(),
        }
    }

    /// A row of that array.
    pub(crate) fn row(&self, name: &str, row: usize) -> error::Place {
        match self {
            ArrayPlace::Arrays(_) | ArrayPlace::Argument(_) => error::Place::row(self.array(name), row),
            ArrayPlace::Records(place) => error::Place::record(*place, row, field(name)),
        }
    }
}

/// The field of a record that an array was made of.
fn field(array: &str) -> &str {
    match array {
        "boxes" => "bbox",
        "masks" => "segmentation",
        "scores" => "score",
        other => other,
    }
}
