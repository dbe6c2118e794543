//! Times the stages of an evaluation one by one, on columns drawn from a seed.
//!
//! `cargo bench --no-default-features --bench stages [-- images objects detections categories]`

use std::sync::Arc;
use std::time::Instant;

use meanap::columns::{Geometry, Ids, Objects};
use meanap::curve::{Selection, Shape, accumulate};
use meanap::evaluate::{Protocol, Scene};
use meanap::matching::{Extent, Matcher, Positions};
use meanap::similarity::BoxIou;
use meanap::watch::Watch;

struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        self.0 >> 33
    }

    fn unit(&mut self) -> f64 {
        self.next() as f64 / (1u64 << 31) as f64
    }
}

fn objects(dice: &mut Dice, n: usize, images: usize, categories: usize, truths: Option<&Objects>) -> Objects {
    let mut image: Vec<u32> = (0..n).map(|_| dice.next() as u32 % images as u32).collect();
    image.sort_unstable();
    // Long-tailed, as categories are.
    let mut category: Vec<u32> = (0..n).map(|_| (dice.unit().powi(3) * categories as f64) as u32).collect();
    let mut boxes: Vec<[f64; 4]> = (0..n)
        .map(|_| {
            [dice.unit() * 500.0, dice.unit() * 400.0, 4.0 + dice.unit() * 150.0, 4.0 + dice.unit() * 150.0]
        })
        .collect();
    if let (Some(truths), Some(Geometry::Boxes(of_truths))) = (truths, truths.map(|t| &t.geometry)) {
        // A detector finds some of what is there.
        let mut next = 0;
        for i in 0..n {
            while next < truths.len() && truths.image[next] < image[i] {
                next += 1;
            }
            let here = truths.image[next..].iter().take_while(|&&at| at == image[i]).count();
            if here > 0 && dice.next().is_multiple_of(4) {
                let g = next + dice.next() as usize % here;
                category[i] = truths.category[g];
                boxes[i] = of_truths[g].map(|x| x * (1.0 + 0.1 * (dice.unit() - 0.5)));
            }
        }
    }
    let is_truth = truths.is_none();
    Objects {
        area: Arc::new(boxes.iter().map(|b| b[2] * b[3]).collect()),
        image: Arc::new(image),
        category: Arc::new(category),
        id: if is_truth { Ids::Given(Arc::new((1..=n).map(|i| i as f64).collect())) } else { Ids::Counted },
        score: Arc::new(if is_truth { vec![] } else { (0..n).map(|_| dice.unit().powi(3)).collect() }),
        crowd: Arc::new(if is_truth {
            (0..n).map(|_| dice.next().is_multiple_of(100)).collect()
        } else {
            vec![]
        }),
        ignore: Arc::new(if is_truth { vec![false; n] } else { vec![] }),
        geometry: Geometry::Boxes(Arc::new(boxes)),
    }
}

fn main() {
    let given: Vec<usize> = std::env::args().skip(1).filter_map(|text| text.parse().ok()).collect();
    let [images, truths, detections, categories] =
        given[..].try_into().unwrap_or([5_000, 40_000, 430_000, 80]);
    let mut dice = Dice(1);
    let gt = objects(&mut dice, truths, images, categories, None);
    let dt = objects(&mut dice, detections, images, categories, Some(&gt));
    let thresholds: Vec<f64> = (0..10).map(|i| 0.5 + 0.05 * f64::from(i)).collect();
    let areas = vec![[0.0, 1e10], [0.0, 1024.0], [1024.0, 9216.0], [9216.0, 1e10]];
    let protocol = Protocol {
        thresholds,
        area_ranges: areas,
        max_detections: 100,
        extent: Extent { images, categories, by_category: true },
        matcher: Matcher::Greedy,
    };
    let selection = Selection {
        groups: (0..categories).collect(),
        areas: vec![0, 1, 2, 3],
        max_detections: vec![1, 10, 100],
        images: None,
        recall_points: (0..=100).map(|i| f64::from(i) / 100.0).collect(),
    };
    let positions =
        Positions { of_image: (0..images as u32).collect(), of_category: (0..categories as u32).collect() };
    let shape = Shape { categories, areas: 4, limits: 3 };
    let time =
        |name: &str, start: Instant| println!("{name:>12} {:8.2} ms", start.elapsed().as_secs_f64() * 1e3);
    for round in 0..5 {
        println!("round {round}");
        let start = Instant::now();
        let scene = Scene {
            detections: dt.clone(),
            ground_truths: gt.clone(),
            protocol: protocol.clone(),
            watch: Watch::default(),
        };
        let similarity = BoxIou::new(&dt, &gt).expect("boxes on both sides");
        let table = scene.match_all(&similarity, &positions, &positions).expect("boxes compare");
        time("matching", start);
        let start = Instant::now();
        let drawn = accumulate(&table, &selection, shape);
        time("curves", start);
        let present: Vec<f64> = drawn.precision.iter().copied().filter(|&p| p > -1.0).collect();
        println!("{:>12} {:8.5}", "mean", present.iter().sum::<f64>() / present.len() as f64);
    }
}
