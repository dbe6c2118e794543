//! One cell: what is in it, and which of its pairs can match.

use crate::columns::Objects;
use crate::error::{Result, reserve};
use crate::matching::{Candidates, Row, Truth};
use crate::similarity::Comparer;

/// One cell being matched.
#[derive(Default)]
pub struct Cell {
    /// Evaluated detections, best first: indices into the columns.
    pub detections: Vec<u32>,
    /// Ground truths, in input order: indices into the columns.
    pub ground_truths: Vec<u32>,
    /// Their similarity, `(D, G)`; empty if a side is.
    pub similarity: Vec<f64>,
    /// The pairs that can match.
    pub candidates: Candidates,
    /// The crowds among the ground truths.
    pub crowd: Vec<bool>,
}

impl Cell {
    /// Reserves memory for so many objects a side, and as many pairs that can match.
    pub(super) fn reserve(&mut self, objects: usize) {
        self.detections.reserve(objects);
        self.ground_truths.reserve(objects);
        self.crowd.reserve(objects);
        self.similarity.reserve(2 * objects);
        self.candidates.reserve(objects);
    }

    /// Takes in the objects of a cell.
    pub fn open(&mut self, rows: &[Row], truths: &[Truth], ground_truths: &Objects) {
        self.detections.clear();
        self.detections.extend(rows.iter().map(|row| row.object));
        self.ground_truths.clear();
        self.ground_truths.extend(truths.iter().map(|truth| truth.object));
        self.crowd.clear();
        self.crowd.extend(truths.iter().map(|truth| ground_truths.crowd[truth.object as usize]));
        self.similarity.clear();
        self.candidates.clear();
    }

    /// Fills in the similarities, and the candidates: the pairs not below `lowest_threshold`.
    ///
    /// # Errors
    ///
    /// A mask that cannot be decoded or compared; `OutOfMemory`.
    pub fn fill(&mut self, compare: &mut Comparer<'_>, lowest_threshold: f64) -> Result<()> {
        if self.detections.is_empty() || self.ground_truths.is_empty() {
            return Ok(());
        }
        let pairs = self.detections.len() * self.ground_truths.len();
        reserve(&mut self.similarity, pairs)?;
        self.similarity.resize(pairs, 0.0);
        compare(&self.detections, &self.ground_truths, lowest_threshold, &mut self.similarity)
    }

    /// Finds the pairs that reach some threshold.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`
    pub fn find_candidates(&mut self, thresholds: &[f64]) -> Result<()> {
        match self.similarity.is_empty() {
            true => Ok(()),
            false => self.candidates.collect(&self.similarity, self.ground_truths.len(), thresholds),
        }
    }
}
