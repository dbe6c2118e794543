//! What is being read, as errors name it.

use crate::error;

/// Arrays by name, or the records of COCO.
pub enum Place<'a> {
    /// The dictionary of an image or the keywords of a call: `preds[3]`, `Detections`.
    Arrays(&'a dyn Fn() -> String),
    /// COCO's records: `detections`.
    Records(&'static str),
}

impl Place<'_> {
    /// All of it.
    pub fn whole(&self) -> String {
        match self {
            Place::Arrays(name) => name(),
            Place::Records(name) => (*name).to_owned(),
        }
    }

    /// The array of that name.
    pub fn array(&self, name: &str) -> String {
        match self {
            Place::Arrays(place) => format!("{}[\"{name}\"]", place()),
            Place::Records(place) => format!("{place}: \"{}\"", field(name)),
        }
    }

    /// A row of that array.
    pub fn row(&self, name: &str, row: usize) -> error::Place {
        match self {
            Place::Arrays(_) => error::Place::row(self.array(name), row),
            Place::Records(place) => error::Place::record(*place, row, field(name)),
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
