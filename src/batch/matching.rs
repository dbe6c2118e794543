//! How the columns of batches are compared and matched.

use std::sync::Arc;

use super::coding::{BatchIds, CodedSide};
use super::limits::ImageLimits;
use crate::analysis::{
    JaccardCounts, confusion_table, error_table, jaccard_counts, leave_out_the_unconfident,
    orientation_similarities,
};
use crate::columns::{AnnotationIds, Key, Objects};
use crate::curve::RecallCount;
use crate::error::{Error, Result, collect, copied, filled};
use crate::evaluate::{Evaluator, Protocol};
use crate::matching::{MatchLog, MatchTable, NOT_EVALUATED, Positions};
use crate::progress::Progress;
use crate::similarity::{Parameters, Similarity, SimilarityKind};

/// What stays the same from batch to batch.
#[derive(Clone)]
pub struct BatchMatching {
    /// How objects are compared.
    pub similarity: &'static SimilarityKind,
    /// What the protocol says about that.
    pub parameters: Parameters,
    /// What compares objects in the place of the similarity.
    pub own_similarity: Option<Arc<BuildSimilarity>>,
    /// How objects are matched. Numbers of images and categories are those of each batch; `partners` are those of its
    /// tables, if they have no pairs.
    pub protocol: Protocol,
    /// What counts in an image.
    pub limits: ImageLimits,
    /// The pairs that tables have.
    pub pairs: Option<PairAnalysis>,
    /// Whether crowds may be matched many times; if not, they are merely ignored.
    pub match_crowds: bool,
    /// Whether annotation ids take part, as they do in the reference.
    pub zero_id_unmatched: bool,
}

/// Makes a similarity of detections and ground truths, whose positions and ids are for its errors.
pub type BuildSimilarity =
    dyn Fn(&Objects, &Objects, &Positions, &BatchIds) -> Result<Box<dyn Similarity>> + Send + Sync;

/// What spares work on a table.
#[derive(Clone, Copy, Debug, Default)]
pub struct TableHints<'a> {
    /// Matches of the same columns in an area range at a threshold of a table, whose partners there were requested.
    /// Confusions take those of a table without categories.
    pub known: Option<(&'a MatchTable, usize, usize)>,
    /// Of errors, the score of each category from which on a detection is confident: those are left out that do not
    /// change what the confident ones are.
    pub least: Option<&'a [f64]>,
}

/// The pair of each detection.
#[derive(Clone, Copy, Debug)]
pub enum PairAnalysis {
    /// The confusion of categories.
    Confusion,
    /// Of which type its error is.
    Errors {
        /// The similarity up to which a detection has nothing to do with a ground truth.
        background: f64,
    },
}

impl PairAnalysis {
    /// The analysis of that name; `background` is that of errors.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn named(name: &str, background: f64) -> Result<PairAnalysis> {
        match name {
            "confusion" => Ok(PairAnalysis::Confusion),
            "errors" => Ok(PairAnalysis::Errors { background }),
            _ => Err(Error::value(format!("expected 'confusion', 'errors' or None, found {name:?}"))),
        }
    }
}

impl BatchMatching {
    /// An empty log for its tables.
    ///
    /// # Errors
    ///
    /// Tables with pairs are to have more than one threshold or area range.
    pub fn log(&self) -> Result<MatchLog> {
        let Protocol { thresholds, area_ranges, .. } = &self.protocol;
        if self.pairs.is_some() && (thresholds.len(), area_ranges.len()) != (1, 1) {
            return Err(Error::value("analysis: expected one threshold and one area range"));
        }
        Ok(MatchLog::new(self.protocol.bits(), self.grouped_by_category(), self.pairs.is_some()))
    }

    /// Matches both sides of a batch. Gives the ids of the table's groups with it.
    ///
    /// # Errors
    ///
    /// Objects cannot be compared; `OutOfMemory`; the work is cancelled.
    pub fn table(
        &self,
        sides: [CodedSide; 2],
        ids: &BatchIds,
        TableHints { known, least }: TableHints<'_>,
        progress: &Progress,
    ) -> Result<(MatchTable, Vec<Key>)> {
        self.evaluated(sides, ids, progress, |evaluator, similarity, [dt, gt]| {
            let found = match known {
                Some((table, area, t)) => table.single(area, t, &evaluator.progress)?,
                None => None,
            };
            let mut table = found.map_or_else(|| evaluator.match_all(similarity, dt, gt), Ok)?;
            match self.pairs {
                None => Ok(table),
                Some(PairAnalysis::Confusion) => confusion_table(evaluator, table, dt, gt),
                Some(PairAnalysis::Errors { background }) => {
                    if let Some(least) = least {
                        leave_out_the_unconfident(&mut table, least, ids.images)?;
                    }
                    error_table(evaluator, similarity, table, background)
                }
            }
        })
    }

    /// Pairs, objects and detections above each of some scores, of each category in each image, for the Jaccard index.
    ///
    /// # Errors
    ///
    /// As of [`BatchMatching::table`].
    pub fn jaccard_counts(
        &self,
        sides: [CodedSide; 2],
        ids: &BatchIds,
        scores: &[f64],
        progress: &Progress,
    ) -> Result<JaccardCounts> {
        let counts = self.evaluated(sides, ids, progress, |evaluator, similarity, [dt, gt]| {
            let table = evaluator.match_all(similarity, dt, gt)?;
            let truths = &evaluator.ground_truths;
            let within = (self.similarity.compare)(truths, truths, &self.parameters)?;
            jaccard_counts(evaluator, &table, similarity, &*within, scores)
        });
        Ok(counts?.0)
    }

    /// KITTI's average orientation similarity, `(K, A, T)`, and the ids of the K groups. `angles`: those of the ground
    /// truths and of the detections, in radians.
    ///
    /// # Errors
    ///
    /// As of [`BatchMatching::table`], or there is not an angle for each object.
    pub fn orientation_similarities(
        &self,
        sides: [CodedSide; 2],
        ids: &BatchIds,
        angles: [&[f64]; 2],
        recalls: RecallCount,
        progress: &Progress,
    ) -> Result<(Vec<f64>, Vec<Key>)> {
        self.evaluated(sides, ids, progress, |evaluator, similarity, [dt, gt]| {
            let table = evaluator.match_all(similarity, dt, gt)?;
            orientation_similarities(evaluator, &table, similarity, angles, recalls)
        })
    }

    /// All categories are compared together where a confusion is matched; its rows have them.
    fn matched_by_category(&self) -> bool {
        self.protocol.extent.by_category && !matches!(self.pairs, Some(PairAnalysis::Confusion))
    }

    fn grouped_by_category(&self) -> bool {
        self.protocol.extent.by_category || matches!(self.pairs, Some(PairAnalysis::Confusion))
    }

    /// What `work` makes of an evaluator of both sides, their similarity and the positions of detections and objects;
    /// and the ids of groups.
    fn evaluated<T>(
        &self,
        [(mut gt, gt_images), (mut dt, dt_images)]: [CodedSide; 2],
        ids: &BatchIds,
        progress: &Progress,
        work: impl FnOnce(&Evaluator, &dyn Similarity, [&Positions; 2]) -> Result<T>,
    ) -> Result<(T, Vec<Key>)> {
        if !self.match_crowds {
            gt.crowd = Arc::new(filled(gt.len(), false)?);
        }
        if !self.zero_id_unmatched {
            // DIFFERENCE: in the reference an object with id 0 cannot be found, and a detection with id 0 finds
            // nothing. Ids name objects here, they do not decide about them.
            (gt.id, dt.id) = (AnnotationIds::Counted, AnnotationIds::Counted);
        }
        let by_category = self.matched_by_category();
        let (images, most) = (ids.images.max(dt_images.len()), self.protocol.max_detections);
        let ranks = self.limits.apply((&mut gt, &mut dt), by_category, images, most, progress)?;
        let order = ids.categories.sorted(progress)?;
        let mut of_category = filled(order.len(), NOT_EVALUATED)?;
        order.iter().zip(0..).for_each(|(&code, position)| of_category[code as usize] = position);
        let mut protocol = self.protocol.clone();
        protocol.extent.images = ids.images;
        protocol.extent.categories = order.len();
        protocol.extent.by_category = by_category;
        if self.pairs.is_some() {
            protocol.partners = vec![0];
        }
        let groups = if self.grouped_by_category() {
            let keys = ids.categories.keys();
            collect(order.iter().map(|&code| keys[code as usize].clone()))?
        } else {
            vec![Key::Number(-1)]
        };
        let dt_positions = Positions { of_image: dt_images, of_category: copied(&of_category)? };
        let gt_positions = Positions { of_image: gt_images, of_category };
        let evaluator =
            Evaluator { detections: dt, ground_truths: gt, protocol, ranks, progress: progress.clone() };
        let (dt, gt) = (&evaluator.detections, &evaluator.ground_truths);
        let similarity = match &self.own_similarity {
            None => (self.similarity.compare)(dt, gt, &self.parameters)?,
            Some(build) => build(dt, gt, &dt_positions, ids)?,
        };
        Ok((work(&evaluator, &*similarity, [&dt_positions, &gt_positions])?, groups))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::tests::boxes;
    use crate::columns::Interner;
    use crate::matching::{CellGrid, ErrorType, Greedy};

    fn matching() -> BatchMatching {
        BatchMatching {
            similarity: SimilarityKind::named("bbox").unwrap(),
            parameters: Parameters::default(),
            own_similarity: None,
            protocol: Protocol {
                thresholds: vec![0.5],
                area_ranges: vec![[0.0, 1e5]],
                max_detections: 100,
                extent: CellGrid { images: 0, categories: 0, by_category: true },
                matcher: &Greedy,
                partners: Vec::new(),
            },
            limits: ImageLimits::default(),
            pairs: None,
            match_crowds: true,
            zero_id_unmatched: false,
        }
    }

    /// An image with an object of category 7 that is found, one of category 3 that is found as a 7, and a crowd of 3.
    fn batch() -> ([CodedSide; 2], BatchIds) {
        let mut gt = boxes(&[(0, 0, 10.0, 0.0), (0, 1, 20.0, 0.0), (0, 1, 90.0, 0.0)]);
        gt.crowd = Arc::new(vec![false, false, true]);
        gt.ignore = gt.crowd.clone();
        let dt = boxes(&[(0, 0, 10.0, 0.9), (0, 0, 20.0, 0.8), (0, 1, 90.0, 0.7), (0, 1, 90.0, 0.6)]);
        let mut categories = Interner::default();
        categories.codes(&[7, 3].map(Key::Number)).unwrap();
        let ids = BatchIds { images: 1, image_ids: Vec::new(), categories };
        ([(gt, vec![0]), (dt, vec![0])], ids)
    }

    /// The matched and the ignored detections of each group.
    fn outcomes(matching: &BatchMatching) -> (Vec<Key>, Vec<Vec<(bool, bool)>>) {
        let (sides, ids) = batch();
        let (table, groups) =
            matching.table(sides, &ids, TableHints::default(), &Progress::default()).unwrap();
        let of_group =
            |group| table.rows(group).iter().map(|row| table.matched_and_ignored(row, 0, 0)).collect();
        (groups, (0..table.groups()).map(of_group).collect())
    }

    #[test]
    fn groups_are_in_the_order_of_their_ids() {
        let (groups, rows) = outcomes(&matching());
        assert_eq!(groups, [3, 7].map(Key::Number));
        assert_eq!(rows, [[(true, true), (true, true)], [(true, false), (false, false)]]);
        let mut one_class = matching();
        one_class.protocol.extent.by_category = false;
        let (groups, rows) = outcomes(&one_class);
        assert_eq!(groups, [Key::Number(-1)]);
        assert_eq!(rows, [[(true, false), (true, false), (true, true), (true, true)]]);
    }

    #[test]
    fn crowds_are_matched_once_if_they_are_merely_ignored() {
        let (_, rows) = outcomes(&BatchMatching { match_crowds: false, ..matching() });
        assert_eq!(rows[0], [(true, true), (false, false)]);
    }

    #[test]
    fn confusions_and_errors_have_pairs() {
        let errors = |pairs| {
            let matching = BatchMatching { pairs: Some(pairs), ..matching() };
            assert!(matching.log().unwrap().has_pairs());
            let (sides, ids) = batch();
            let (table, groups) =
                matching.table(sides, &ids, TableHints::default(), &Progress::default()).unwrap();
            assert_eq!(groups, [3, 7].map(Key::Number));
            table.pairs.unwrap().iter().map(|pair| pair.error).collect::<Vec<_>>()
        };
        use ErrorType::{Classification, Ignored, TruePositive};
        let expected = [TruePositive, Classification, Ignored, Ignored];
        assert_eq!(errors(PairAnalysis::Confusion), expected);
        assert_eq!(errors(PairAnalysis::Errors { background: 0.1 }), expected);
    }

    #[test]
    fn what_is_known_is_not_matched_again() {
        let mut together = matching();
        together.protocol.extent.by_category = false;
        together.protocol.partners = vec![0];
        let (sides, ids) = batch();
        let (known, _) = together.table(sides, &ids, TableHints::default(), &Progress::default()).unwrap();
        let confusion = BatchMatching {
            pairs: Some(PairAnalysis::Confusion),
            own_similarity: Some(Arc::new(|_, _, _, _| Ok(Box::new(Nothing)))),
            ..matching()
        };
        let hints = TableHints { known: Some((&known, 0, 0)), least: None };
        let (sides, ids) = batch();
        let (table, _) = confusion.table(sides, &ids, hints, &Progress::default()).unwrap();
        let found: Vec<_> = table.pairs.unwrap().iter().map(|pair| pair.error).collect();
        assert_eq!(found[..2], [ErrorType::TruePositive, ErrorType::Classification]);
    }

    #[test]
    fn pairs_are_of_one_threshold() {
        let mut matching = BatchMatching { pairs: Some(PairAnalysis::Confusion), ..matching() };
        matching.protocol.thresholds.push(0.75);
        let error = matching.log().unwrap_err();
        assert_eq!(error.to_string(), "analysis: expected one threshold and one area range");
        assert!(PairAnalysis::named("kinds", 0.1).unwrap_err().to_string().contains("'confusion', 'errors'"));
    }

    #[test]
    fn another_similarity_may_take_the_place() {
        let mut own = matching();
        own.own_similarity = Some(Arc::new(|dt, _, positions, ids| {
            assert_eq!((dt.len(), positions.of_image.len(), ids.images), (4, 1, 1));
            Ok(Box::new(Nothing))
        }));
        assert!(outcomes(&own).1.iter().flatten().all(|&(matched, _)| !matched));
    }

    /// No objects are alike.
    struct Nothing;

    impl Similarity for Nothing {
        fn comparer(&self) -> crate::similarity::Comparer<'_> {
            Box::new(|_, _, _, out| {
                out.fill(0.0);
                Ok(())
            })
        }
    }
}
