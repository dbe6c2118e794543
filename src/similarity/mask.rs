//! Intersection over union of instance masks.

use std::sync::Arc;

use rayon::prelude::*;

use super::{Comparer, Similarity, SimilarityKind};
use crate::columns::{Geometry, GeometryKind, MaskShape, Masks, Objects, SharedColumn};
use crate::error::{Error, ErrorKind, Result, collect_blocks, reserve};
use crate::rle::{Foreground, Rasterizer, codec, combine};
use crate::threads;

/// Intersection over union of masks.
pub(super) static KIND: SimilarityKind = SimilarityKind {
    name: "segm",
    geometry: GeometryKind::Masks,
    parameters: &[],
    compare: |detections, ground_truths, _| Ok(Box::new(MaskIou::new(detections, ground_truths)?)),
};

/// Intersection over union of masks; for a crowd, intersection over the detection's area.
///
/// Masks are decoded when a cell needs them, each once for each cell.
///
/// Source: `rleIou` of the COCO API, on masks made as `COCO.annToRLE` makes them.
pub(super) struct MaskIou {
    detections: Arc<Masks>,
    ground_truths: Arc<Masks>,
    crowd: SharedColumn<bool>,
}

impl MaskIou {
    /// Both sides must hold masks.
    pub(super) fn new(detections: &Objects, ground_truths: &Objects) -> Result<Self> {
        match (&detections.geometry, &ground_truths.geometry) {
            (Geometry::Masks(d), Geometry::Masks(g)) => Ok(MaskIou {
                detections: d.clone(),
                ground_truths: g.clone(),
                crowd: ground_truths.crowd.clone(),
            }),
            _ => Err(Error::wrong_type("mask similarity needs masks on both sides")),
        }
    }
}

/// Working memory of [`MaskIou`].
#[derive(Default)]
pub(super) struct MaskScratch {
    detection: Foreground,
    ground_truths: Foreground,
    decoder: Decoder,
}

impl Similarity for MaskIou {
    fn comparer(&self) -> Comparer<'_> {
        let mut scratch = MaskScratch::default();
        Box::new(move |detections, ground_truths, floor, out| {
            self.fill_with(&mut scratch, detections, ground_truths, floor, out, |_, _, _, iou| Ok(iou))
        })
    }
}

impl MaskIou {
    /// Fills a cell as [`Comparer`] does, each value passed through `refine`: it is given the detection (mask 0 of the
    /// first), all ground truths of the cell, which of them, and the value.
    pub(super) fn fill_with(
        &self,
        scratch: &mut MaskScratch,
        detections: &[u32],
        ground_truths: &[u32],
        floor: f64,
        out: &mut [f64],
        mut refine: impl FnMut(&Foreground, &Foreground, usize, f64) -> Result<f64>,
    ) -> Result<()> {
        if detections.is_empty() || ground_truths.is_empty() {
            return Ok(());
        }
        let MaskScratch { detection, ground_truths: truths, decoder } = scratch;
        truths.clear();
        for &g in ground_truths {
            decoder
                .decode(&self.ground_truths, g as usize, truths)
                .map_err(|error| error.in_record(g as usize).field("segmentation").at("ground truth"))?;
        }
        for (row, &d) in out.chunks_exact_mut(ground_truths.len()).zip(detections) {
            detection.clear();
            decoder
                .decode(&self.detections, d as usize, detection)
                .map_err(|error| error.in_record(d as usize).field("segmentation").at("detections"))?;
            for (index, (cell, &g)) in row.iter_mut().zip(ground_truths).enumerate() {
                *cell = detection
                    .iou(0, truths, index, self.crowd[g as usize], floor)
                    .and_then(|iou| refine(detection, truths, index, iou))
                    .map_err(|error| error.within(format_args!("detection {d} against ground truth {g}")))?;
            }
        }
        Ok(())
    }
}

/// What a mask says of itself.
#[derive(Clone, Copy, Debug)]
pub struct Measures {
    /// The number of pixels.
    pub area: f64,
    /// `x, y, width, height` of the smallest box around it; of polygons around their corners, before they become
    /// pixels.
    pub bounds: [f64; 4],
    /// Height and width of the image it is drawn on.
    pub size: [u32; 2],
}

/// Measures each mask, in parallel; `None` for one that cannot be decoded, or whose run lengths do not fill it.
pub fn measure(masks: &Masks) -> Vec<Option<Measures>> {
    let one = |(decoder, foreground): &mut (Decoder, Foreground), index: usize| {
        foreground.clear();
        decoder.decode(masks, index, foreground).ok()?;
        fills(masks, index)?.then_some(())?;
        let bounds = match masks.shape[index] {
            MaskShape::Polygons { first, count } => {
                around((first..first + count).flat_map(|ring| masks.ring(ring)))
            }
            _ => foreground.bounds(0).map(f64::from),
        };
        Some(Measures { area: f64::from(foreground.area(0)), bounds, size: masks.size[index] })
    };
    threads::run(|| {
        (0..masks.len()).into_par_iter().with_min_len(64).map_init(Default::default, one).collect()
    })
}

/// The text of each mask that is not compressed yet, in parallel; `None` for others, and for one that cannot be
/// decoded.
///
/// # Errors
///
/// `OutOfMemory`
pub fn compress(masks: &Masks) -> Result<Vec<Option<Vec<u8>>>> {
    let one = |decoder: &mut Decoder, index: usize| {
        if matches!(masks.shape[index], MaskShape::Compressed { .. }) {
            return Ok(Some(None));
        }
        match decoder.count(masks, index) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::OutOfMemory => return Err(error),
            Err(_) => return Ok(Some(None)),
        }
        let mut text = Vec::new();
        codec::write(&decoder.counts, &mut text)?;
        Ok(Some(Some(text)))
    };
    let masks = (0..masks.len()).into_par_iter().with_min_len(64);
    threads::run(|| collect_blocks(masks.map_init(Default::default, one)))
}

/// Whether run lengths are as many pixels as their mask has; `None` where they cannot be read.
fn fills(masks: &Masks, index: usize) -> Option<bool> {
    let [h, w] = masks.size[index].map(u64::from);
    let total: u64 = match masks.shape[index] {
        MaskShape::Compressed { piece, start, len } => {
            codec::read(codec::checked(masks.text(piece, start, len)).ok()?).map(u64::from).sum()
        }
        MaskShape::Counts { start, len } => {
            let start = start as usize;
            masks.counts[start..start + len as usize].iter().copied().map(u64::from).sum()
        }
        MaskShape::Polygons { .. } => return Some(true),
    };
    Some(total == h * w)
}

/// The box around points `x, y, x, y, …`.
fn around<'a>(coordinates: impl Iterator<Item = &'a f64>) -> [f64; 4] {
    let mut corners = [[f64::INFINITY, f64::NEG_INFINITY]; 2];
    for (i, &value) in coordinates.enumerate() {
        let [low, high] = &mut corners[i % 2];
        *low = low.min(value);
        *high = high.max(value);
    }
    let [[left, right], [top, bottom]] = corners;
    [left, top, right - left, bottom - top]
}

/// Brings masks of every shape into the form that is compared.
#[derive(Default)]
struct Decoder {
    rasterizer: Rasterizer,
    counts: Vec<u32>,
    ring: Vec<u32>,
    before: Vec<u32>,
    text: Vec<u8>,
}

impl Decoder {
    /// Adds mask `index` of `masks` to `foreground`.
    fn decode(&mut self, masks: &Masks, index: usize, foreground: &mut Foreground) -> Result<()> {
        let size = masks.size[index].map(u64::from);
        if let MaskShape::Compressed { piece, start, len } = masks.shape[index] {
            return foreground.push_text(size, masks.text(piece, start, len));
        }
        self.count(masks, index)?;
        self.push(size, foreground)
    }

    /// Replaces `self.counts` by the run lengths of mask `index` of `masks`.
    fn count(&mut self, masks: &Masks, index: usize) -> Result<()> {
        let [h, w] = masks.size[index].map(u64::from);
        match masks.shape[index] {
            MaskShape::Compressed { piece, start, len } => {
                self.counts.clear();
                self.counts.extend(codec::read(codec::checked(masks.text(piece, start, len))?));
            }
            MaskShape::Counts { start, len } => {
                let start = start as usize;
                self.counts.clear();
                reserve(&mut self.counts, len as usize)?;
                self.counts.extend_from_slice(&masks.counts[start..start + len as usize]);
            }
            MaskShape::Polygons { first, count } => {
                if count == 0 {
                    return Err(Error::value("there is no polygon"));
                }
                for ring in 0..count {
                    let coordinates = masks.ring(first + ring);
                    if ring == 0 {
                        // The reference takes a list of four numbers for a box; of five it takes two points.
                        if coordinates.len() < 4 {
                            return Err(Error::wrong_type(format!(
                                "polygon 0 has {} numbers, expected 6 or more",
                                coordinates.len()
                            )));
                        }
                        self.rasterizer.polygon(coordinates, h, w, &mut self.counts)?;
                    } else {
                        self.rasterizer.polygon(coordinates, h, w, &mut self.ring)?;
                        std::mem::swap(&mut self.counts, &mut self.before);
                        combine::merge_into(&self.before, &self.ring, false, &mut self.counts)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds `counts` as the reference would see them, which writes and reads them on the way.
    fn push(&mut self, size: [u64; 2], foreground: &mut Foreground) -> Result<()> {
        if self.counts.iter().all(|&count| count < codec::ROUND_TRIP) {
            return foreground.push_counts(size, &self.counts);
        }
        self.text.clear();
        codec::write(&self.counts, &mut self.text)?;
        foreground.push_text(size, &self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::codec;
    use super::{Decoder, MaskIou, measure};
    use crate::columns::{Geometry, Masks, Objects};
    use crate::rle::Foreground;
    use crate::similarity::Similarity;
    use std::sync::Arc;

    fn objects(masks: Masks, crowd: &[bool]) -> Objects {
        Objects::in_one_cell(Geometry::Masks(Arc::new(masks)), crowd)
    }

    const SQUARE: [f64; 8] = [1.0, 1.0, 3.0, 1.0, 3.0, 3.0, 1.0, 3.0];

    fn three_forms() -> Masks {
        let mut masks = Masks::default();
        masks.push_compressed([4, 5], b"52207").unwrap();
        masks.push_counts([4, 5], &[5, 2, 2, 2, 9]).unwrap();
        masks.push_ring(SQUARE).unwrap();
        masks.push_polygons([4, 5], 1).unwrap();
        masks
    }

    #[test]
    fn measures_of_every_form() {
        let mut masks = three_forms();
        masks.push_compressed([4, 5], b"5220P").unwrap();
        let found = measure(&masks);
        let told: Vec<_> = found[..3].iter().map(|m| m.map(|m| (m.area, m.bounds, m.size))).collect();
        assert_eq!(told, [Some((4.0, [1.0, 1.0, 2.0, 2.0], [4, 5])); 3]);
        assert!(found[3].is_none());
    }

    #[test]
    fn run_lengths_that_do_not_fill_a_mask() {
        let mut masks = Masks::default();
        for counts in [&[5, 15][..], &[5, 14], &[5, 10, 5], &[20], &[19], &[]] {
            masks.push_counts([4, 5], counts).unwrap();
            let mut text = Vec::new();
            codec::write(counts, &mut text).unwrap();
            masks.push_compressed([4, 5], &text).unwrap();
        }
        let full: Vec<bool> = measure(&masks).iter().map(Option::is_some).collect();
        assert_eq!(full, [true, true, false, false, true, true, true, true, false, false, false, false]);
    }

    #[test]
    fn every_form_of_a_mask() {
        let mut truths = three_forms();
        truths.push_counts([4, 5], &[0, 20]).unwrap();
        truths.push_counts([4, 6], &[0, 24]).unwrap();
        truths.push_counts([4, 6], &[20, 4]).unwrap();
        let truths = objects(truths, &[false, false, false, true, false, false]);
        let iou = MaskIou::new(&objects(three_forms(), &[]), &truths).unwrap();
        let mut out = [7.0; 18];
        iou.comparer()(&[0, 1, 2], &[0, 1, 2, 3, 4, 5], f64::NEG_INFINITY, &mut out).unwrap();
        assert_eq!(out, [[1.0, 1.0, 1.0, 1.0, -1.0, 0.0]; 3].concat()[..]);
    }

    #[test]
    fn rings_are_united() {
        let mut masks = Masks::default();
        masks.push_ring(SQUARE).unwrap();
        masks.push_ring(SQUARE.map(|place| place + 1.0)).unwrap();
        masks.push_ring([]).unwrap();
        masks.push_polygons([4, 5], 3).unwrap();
        masks.push_counts([4, 5], &[5, 2, 2, 3, 2, 2, 4]).unwrap();
        let iou = MaskIou::new(&objects(masks.clone(), &[]), &objects(masks, &[false; 2])).unwrap();
        let mut out = [0.0; 2];
        iou.comparer()(&[0], &[0, 1], 0.5, &mut out).unwrap();
        assert_eq!(out, [1.0; 2]);
    }

    #[test]
    fn broken_masks_are_named() {
        let mut masks = Masks::default();
        masks.push_compressed([4, 5], b"52207").unwrap();
        masks.push_compressed([4, 5], b"5220P").unwrap();
        masks.push_ring([1.0, 2.0]).unwrap();
        masks.push_polygons([4, 5], 1).unwrap();
        masks.push_polygons([4, 5], 0).unwrap();
        masks.push_ring([1.0, 2.0, f64::NAN, 4.0, 3.0, 3.0]).unwrap();
        masks.push_polygons([4, 5], 1).unwrap();
        masks.push_counts([4, 5], &[5, 2]).unwrap();
        let all = objects(masks, &[false; 6]);
        let iou = MaskIou::new(&all, &all).unwrap();
        let message = |d: u32, g: u32| {
            let mut out = [0.0];
            let error = iou.comparer()(&[d], &[g], 0.5, &mut out).unwrap_err();
            error.to_string()
        };
        assert!(message(1, 0).starts_with("detections: record 1: \"segmentation\": "));
        for g in 1..5 {
            assert!(message(0, g).starts_with(&format!("ground truth: record {g}: \"segmentation\": ")));
        }
        assert!(message(0, 5).starts_with("detection 0 against ground truth 5: "));
    }

    #[test]
    fn lengths_that_do_not_survive_writing() {
        let mut masks = Masks::default();
        masks.push_counts([1 << 16, 1 << 15], &[1, 1 << 30, 1 << 30, 5, 7]).unwrap();
        let mut foreground = Foreground::default();
        Decoder::default().decode(&masks, 0, &mut foreground).unwrap();
        // 5 - 2³⁰ and 7 - 2³⁰ take seven characters; the reader's sign bits fall on the low end.
        let mut as_read = Foreground::default();
        as_read
            .push_counts([1 << 16, 1 << 15], &[1, 1 << 30, 1 << 30, (1 << 30) - 3, (1 << 30) - 1])
            .unwrap();
        assert_eq!(format!("{foreground:?}"), format!("{as_read:?}"));
    }

    #[test]
    fn boxes_are_not_masks() {
        let mut boxes = objects(Masks::default(), &[]);
        boxes.geometry = Geometry::Boxes(Arc::default());
        assert!(MaskIou::new(&boxes, &objects(Masks::default(), &[])).is_err());
    }
}
