//! Run lengths: every fast path says what the plain one says, and set operations are those of the pixels.
#![no_main]

use libfuzzer_sys::fuzz_target;
use meanap::progress::Progress;
use meanap::rle::{Foreground, Rasterizer, Rle, codec, combine, measure, pixels};
use meanap_fuzz::take::Take;

/// Masks up to this size are compared pixel by pixel.
const FEW: u64 = 1 << 12;

fuzz_target!(|data: &[u8]| {
    let mut take = Take(data);
    match take.below(4) {
        0 => text(&mut take),
        1 => polygon(&mut take),
        2 => sets(&mut take),
        _ => any_counts(&mut take),
    }
});

/// Any text is read alike by all readers, or refused.
fn text(take: &mut Take) {
    let [h, w] = [take.below(40) as u64, take.below(40) as u64];
    let Ok(text) = codec::checked(take.0) else { return };
    let mut numbers = codec::read(text);
    let counts: Vec<u32> = std::iter::from_fn(|| numbers.next()).collect();
    let folded = codec::read(text).fold(Vec::new(), |mut counts, count| {
        counts.push(count);
        counts
    });
    assert_eq!(folded, counts);
    measured(h, w, text, &counts);
    if counts.iter().all(|&count| count < codec::ROUND_TRIP) {
        round_trip(&counts);
    }
}

/// Any run lengths.
fn any_counts(take: &mut Take) {
    let [h, w] = [take.length() as u64, take.length() as u64];
    let mut counts = Vec::new();
    while !take.0.is_empty() && counts.len() < 200 {
        counts.push(match take.byte() {
            small @ 0..230 => u32::from(small % 30),
            _ => take.word() as u32,
        });
    }
    let mut text = Vec::new();
    codec::write(&counts, &mut text).expect("memory");
    if counts.iter().all(|&count| count < codec::ROUND_TRIP) {
        round_trip(&counts);
        measured(h, w, &text, &counts);
    }
    let mut foreground = Foreground::default();
    if foreground.push_counts([h, w], &counts).is_ok() {
        let area = measure::area(counts.iter().copied());
        assert_eq!(foreground.area(0), area);
        assert_eq!(foreground.bounds(0), measure::bounding_box(h, w, counts.iter().copied()).unwrap());
        let _ = foreground.iou(0, &foreground, 0, false, 0.0);
    }
}

fn round_trip(counts: &[u32]) {
    let mut text = Vec::new();
    codec::write(counts, &mut text).expect("memory");
    let again: Vec<u32> = codec::read(codec::checked(&text).expect("what is written is whole")).collect();
    assert_eq!(again, counts);
}

fn measured(h: u64, w: u64, text: &[u8], counts: &[u32]) {
    let mut runs = Vec::new();
    assert_eq!(measure::area_of_text(text, &mut runs), measure::area(counts.iter().copied()));
    let bounds = measure::bounding_box(h, w, counts.iter().copied());
    assert_eq!(measure::bounding_box_of_text(h, w, text, &mut runs).ok(), bounds.ok());
    let (mut of_text, mut of_counts) = (Foreground::default(), Foreground::default());
    let pushed = of_text.push_text([h, w], text);
    assert_eq!(pushed.is_ok(), of_counts.push_counts([h, w], counts).is_ok());
    if pushed.is_ok() {
        assert_eq!((of_text.area(0), of_text.bounds(0)), (of_counts.area(0), of_counts.bounds(0)));
        let same = |a: &Foreground, b: &Foreground| a.iou(0, b, 0, false, 0.0).ok().map(f64::to_bits);
        assert_eq!(same(&of_text, &of_counts), same(&of_counts, &of_text));
    }
}

/// A polygon: positions grow, its runs fill the mask, and text and pixels lead back to it.
fn polygon(take: &mut Take) {
    let [h, w] = [take.below(60) as u64, take.below(60) as u64];
    let mut ring = Vec::new();
    while !take.0.is_empty() && ring.len() < 60 {
        ring.push(match take.byte() {
            near @ 0..200 => f64::from(near) * 0.4 - 8.0,
            200..230 => f64::from(take.byte()) + f64::from(take.byte()) / 256.0,
            230..250 => (take.word() as i32) as f64 / 1000.0,
            _ => f64::from_bits(take.word()),
        });
    }
    if w == 0 {
        // Without a width nothing bounds the columns but the corners, and hundreds of millions take their time.
        ring.iter_mut().for_each(|place| *place = place.clamp(-1e5, 1e5));
    }
    let mut counts = Vec::new();
    let mut rasterizer = Rasterizer::default();
    if rasterizer.polygon(&ring, h, w, &mut counts).is_err() {
        return;
    }
    let mut again = Vec::new();
    rasterizer.polygon(&ring, h, w, &mut again).expect("it was one before");
    assert_eq!(counts, again, "working memory changes the result");
    if h > 0 && w > 0 {
        assert_eq!(counts.iter().map(|&count| u64::from(count)).sum::<u64>(), h * w);
        let mask = decoded(&counts, h * w);
        let mut encoded = Vec::new();
        pixels::encode(&mask, &mut encoded).expect("memory");
        let area = mask.iter().map(|&pixel| u32::from(pixel)).sum::<u32>();
        assert_eq!(measure::area(encoded.iter().copied()), area);
        assert_eq!(measure::area(counts.iter().copied()), area);
    }
}

fn decoded(counts: &[u32], count: u64) -> Vec<u8> {
    let mut mask = vec![0; count as usize];
    pixels::decode(&[counts.iter().copied()], &mut mask, &Progress::default()).expect("the runs fit");
    mask
}

/// Union, intersection and their ratio, of masks that are as large as they say.
fn sets(take: &mut Take) {
    let [h, w] = [1 + take.below(50) as u64, 1 + take.below(50) as u64];
    assert!(h * w <= FEW);
    let mut mask = |mut rest: u64| {
        let mut counts = Vec::new();
        while rest > 0 {
            let count = match take.0.is_empty() {
                true => rest,
                false => u64::from(take.byte() % 64).min(rest),
            };
            counts.push(count as u32);
            rest -= count;
        }
        counts
    };
    let masks = [mask(h * w), mask(h * w), mask(h * w)];
    let pixels_of = masks.each_ref().map(|counts| decoded(counts, h * w));
    // Two empty runs end the reference's walk early; that is reproduced, and is no set operation.
    let odd = masks.iter().any(|counts| counts.iter().skip(1).any(|&count| count == 0));
    let rles = masks.each_ref().map(|counts| Rle { h, w, counts: counts.clone() });
    for intersect in [false, true] {
        let Ok(merged) = combine::merge(&rles, intersect, &Progress::default()) else {
            assert!(odd);
            continue;
        };
        if odd {
            continue;
        }
        let expected: Vec<u8> = (0..pixels_of[0].len())
            .map(|i| {
                let mut bits = pixels_of.iter().map(|mask| mask[i] == 1);
                u8::from(if intersect { bits.all(|bit| bit) } else { bits.any(|bit| bit) })
            })
            .collect();
        assert_eq!(decoded(&merged.counts, h * w), expected);
    }
    let mut foreground = Foreground::default();
    masks.iter().for_each(|counts| foreground.push_counts([h, w], counts).expect("a mask"));
    for crowd in [false, true] {
        let ratio = foreground.iou(0, &foreground, 1, crowd, 0.0);
        let (Ok(ratio), false) = (ratio, odd) else { continue };
        let count = |of: fn(u8, u8) -> bool| {
            pixels_of[0].iter().zip(&pixels_of[1]).filter(|&(&a, &b)| of(a, b)).count() as f64
        };
        let common = count(|a, b| a & b == 1);
        let union = if crowd { count(|a, _| a == 1) } else { count(|a, b| a | b == 1) };
        let expected = if common == 0.0 { 0.0 } else { common / union };
        assert_eq!(ratio, expected);
        let floored = foreground.iou(0, &foreground, 1, crowd, 0.5).expect("it was one before");
        assert!(floored == ratio || (floored < 0.5 && ratio < 0.5));
    }
}
