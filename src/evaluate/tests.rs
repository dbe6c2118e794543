use std::sync::Arc;

use super::*;
use crate::columns::{AnnotationIds, Areas, Boxes, CompactDoubles, Geometry, GeometryKind};
use crate::matching::{Greedy, MATCHERS};
use crate::random::Random;
use crate::similarity::{KINDS, Parameters, SimilarityKind};

/// Boxes on a coarse grid in three images and two categories, every fifth of them a crowd or ignored.
fn objects(count: usize, roll: &mut impl FnMut(u64) -> u64) -> Objects {
    let mut boxes = Boxes::default();
    (0..count).for_each(|_| boxes.push([(); 4].map(|()| (1 + roll(4)) as f64)).unwrap());
    let mut column = |sides| Arc::new((0..count).map(|_| roll(sides) as u32).collect::<Vec<u32>>());
    let (image, category) = (column(3), column(2));
    let crowd: Vec<bool> = column(10).iter().map(|&side| side == 0).collect();
    let ignore = column(10).iter().zip(&crowd).map(|(&side, &crowd)| crowd || side == 0).collect();
    let mut score = CompactDoubles::default();
    column(5).iter().for_each(|&side| score.push(f64::from(side)).unwrap());
    let boxes = Arc::new(boxes);
    Objects {
        image,
        category,
        id: AnnotationIds::Counted,
        area: Areas::OfBoxes(boxes.clone()),
        score: Arc::new(score),
        crowd: Arc::new(crowd),
        ignore: Arc::new(ignore),
        geometry: Geometry::Boxes(boxes),
    }
}

fn compared(kind: &str, evaluator: &Evaluator) -> Box<dyn Similarity> {
    let kind = SimilarityKind::named(kind).unwrap();
    (kind.compare)(&evaluator.detections, &evaluator.ground_truths, &Parameters::default()).unwrap()
}

/// One of the kinds is known to the tests alone: its file and its line in the registry are all that it takes.
#[test]
fn each_kind_is_matched_by_its_own_values() {
    let mut random = Random::new(11);
    let mut roll = |sides: u64| random.below(sides);
    let none = |count| Arc::new(vec![false; count]);
    let (extent, threshold) = (CellGrid { images: 3, categories: 2, by_category: true }, 0.45);
    let mut names = Vec::new();
    for kind in KINDS.iter().filter(|kind| kind.geometry == GeometryKind::Boxes) {
        names.push(kind.name);
        let ground_truths = objects(60, &mut roll);
        let ground_truths = Objects { crowd: none(60), ignore: none(60), ..ground_truths };
        let detections = Objects { ignore: Arc::new(Vec::new()), ..objects(60, &mut roll) };
        let protocol = Protocol {
            thresholds: vec![threshold],
            area_ranges: vec![[0.0, 1e5]],
            max_detections: 500,
            extent,
            matcher: &Greedy,
            partners: Vec::new(),
        };
        let evaluator =
            Evaluator { detections, ground_truths, protocol, ranks: None, progress: Progress::default() };
        let similarity = compared(kind.name, &evaluator);
        let positions = Positions::identity(extent);
        let table = evaluator.match_all(&*similarity, &positions, &positions).unwrap();
        let (d, g) = (&evaluator.detections, &evaluator.ground_truths);
        let (mut compare, mut free, mut matched) = (similarity.comparer(), vec![true; g.len()], 0);
        for group in 0..table.groups() {
            for row in table.rows(group) {
                let i = row.object as usize;
                let cell = |&j: &usize| (g.image[j], g.category[j]) == (d.image[i], d.category[i]);
                let mut best = None;
                for j in (0..g.len()).filter(|&j| free[j]).filter(cell) {
                    let mut value = [0.0];
                    compare(&[i as u32], &[j as u32], f64::NEG_INFINITY, &mut value).unwrap();
                    if value[0] >= best.map_or(threshold, |(_, value)| value) {
                        best = Some((j, value[0]));
                    }
                }
                assert_eq!(table.matched_and_ignored(row, 0, 0).0, best.is_some(), "{}", kind.name);
                if let Some((j, _)) = best {
                    (free[j], matched) = (false, matched + 1);
                }
            }
        }
        assert!(matched > 5, "{}: {matched}", kind.name);
    }
    assert_eq!(names, ["bbox", "temporal", "giou", "diou", "ciou", "centres"]);
}

/// Few and many objects are matched by two ways that fill the partners.
#[test]
fn partners_are_those_whom_the_outcomes_tell() {
    let mut random = Random::new(7);
    let mut roll = |sides: u64| random.below(sides);
    for (case, count) in [20, 60, 200, 1000].into_iter().enumerate() {
        for &matcher in MATCHERS {
            let ground_truths = objects(count, &mut roll);
            let detections = Objects { ignore: Arc::new(Vec::new()), ..objects(count, &mut roll) };
            let extent = CellGrid { images: 3, categories: 2, by_category: case % 2 == 0 };
            let protocol = Protocol {
                thresholds: vec![0.3, 0.5, 0.8],
                area_ranges: vec![[0.0, 1e5], [0.0, 6.0], [6.0, 1e5]],
                max_detections: 500,
                extent,
                matcher,
                partners: vec![0, 2],
            };
            let mut evaluator =
                Evaluator { detections, ground_truths, protocol, ranks: None, progress: Progress::default() };
            let similarity = compared("bbox", &evaluator);
            let positions = Positions::identity(extent);
            let table = evaluator.match_all(&*similarity, &positions, &positions).unwrap();
            evaluator.protocol.partners = Vec::new();
            let plain = evaluator.match_all(&*similarity, &positions, &positions).unwrap();
            assert!(plain.partners.is_empty() && plain.outcomes == table.outcomes);
            evaluator.protocol.partners = vec![0, 2];
            let again = evaluator.match_again(&*similarity, &plain).unwrap();
            let mut pairs = 0;
            for group in 0..table.groups() {
                for (row, other) in table.rows(group).iter().zip(again.rows(group)) {
                    for (a, (place, t)) in (0..3).flat_map(|a| [(0, 0), (1, 2)].map(|at| (a, at))) {
                        let partner = table.partner(row, a, place);
                        assert_eq!(again.partner(other, a, place), partner);
                        let (matched, ignored) = table.matched_and_ignored(row, a, t);
                        assert_eq!(partner.is_some(), matched);
                        let Some(object) = partner else { continue };
                        let truth = table.truths(group).iter().find(|truth| truth.object == object).unwrap();
                        assert_eq!(truth.image, row.image);
                        // A group that counts is found once.
                        let outside = truth.areas >> a & 1 == 0;
                        assert!(outside == ignored || (ignored && matcher.counts_crowds()));
                        pairs += 1;
                    }
                }
            }
            assert!(pairs > 0);
        }
    }
}
