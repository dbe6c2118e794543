//! COCO JSON into columns: the only place that knows JSON.
