//! The regions of a label map, and the runs of each.
//!
//! A region is all pixels of a class, or one connected component of them. The map is read down its columns, as run
//! lengths are: each column falls into runs of one label, and a run belongs with those of the column before that it
//! is adjacent to. So components and their run lengths come out of one pass, and no map of component numbers is made.

use crate::error::{Result, collect, filled, push, reserve};

/// How pixels of a class make a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connectivity {
    /// All pixels of a class in an image are one region.
    Class,
    /// Pixels that share a side hang together.
    Four,
    /// Pixels that share a side or a corner hang together.
    Eight,
}

/// One region: a mask of one class.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// Its class.
    pub class: u16,
    /// Pixels.
    pub area: u64,
    /// Run lengths down the columns, background first.
    pub counts: Vec<u32>,
    /// Mean of the given score over the pixels.
    pub mean: f64,
    end: u64,
}

/// A run within one column: rows `start..end` of one label.
struct ColumnRun {
    label: u16,
    start: u32,
    end: u32,
    column: u32,
}

/// The regions of a map of codes, `height` x `width` row by row, in the order of their first pixel down the columns;
/// pixels of code `classes` and more are background.
///
/// The map has fewer than 2³² pixels. `value(class, row, column)` is averaged over each region's pixels.
///
/// # Errors
///
/// `OutOfMemory`
pub fn regions(
    codes: &[u16],
    [height, width]: [usize; 2],
    classes: u16,
    connectivity: Connectivity,
    value: impl Fn(u16, usize, usize) -> f64,
) -> Result<Vec<Region>> {
    let runs = column_runs(codes, height, width)?;
    let mut parent: Vec<u32> = collect((0..runs.len()).map(|run| run as u32))?;
    match connectivity {
        Connectivity::Class => {
            let mut first = filled(usize::from(classes), u32::MAX)?;
            for (index, run) in runs.iter().enumerate().filter(|(_, run)| run.label < classes) {
                let first = &mut first[usize::from(run.label)];
                *first = (*first).min(index as u32);
                parent[index] = *first;
            }
        }
        Connectivity::Four => join(&runs, 0, &mut parent),
        Connectivity::Eight => join(&runs, 1, &mut parent),
    }
    let mut place = filled(runs.len(), usize::MAX)?;
    let mut found: Vec<Region> = Vec::new();
    for (index, run) in runs.iter().enumerate().filter(|(_, run)| run.label < classes) {
        let root = root(&mut parent, index as u32) as usize;
        if place[root] == usize::MAX {
            place[root] = found.len();
            let region = Region { class: run.label, area: 0, counts: Vec::new(), mean: 0.0, end: 0 };
            push(&mut found, region)?;
        }
        let region = &mut found[place[root]];
        region.push(u64::from(run.column) * height as u64 + u64::from(run.start), run.end - run.start)?;
        let rows = run.start as usize..run.end as usize;
        region.mean += rows.map(|row| value(run.label, row, run.column as usize)).sum::<f64>();
    }
    for region in &mut found {
        region.mean /= region.area as f64;
        let rest = (height * width) as u64 - region.end;
        if rest > 0 {
            push(&mut region.counts, rest as u32)?;
        }
    }
    Ok(found)
}

impl Region {
    fn push(&mut self, start: u64, length: u32) -> Result<()> {
        if start == self.end && !self.counts.is_empty() {
            // A run that goes on at the top of the next column.
            *self.counts.last_mut().expect("there is a run") += length;
        } else {
            reserve(&mut self.counts, 2)?;
            self.counts.extend([(start - self.end) as u32, length]);
        }
        self.end = start + u64::from(length);
        self.area += u64::from(length);
        Ok(())
    }
}

fn column_runs(codes: &[u16], height: usize, width: usize) -> Result<Vec<ColumnRun>> {
    /// Columns that are read side by side, so that a row's cache line is used while it is there.
    const ABREAST: usize = 32;
    let mut runs = Vec::new();
    let mut columns = filled(ABREAST * height, 0)?;
    for first in (0..width).step_by(ABREAST) {
        let abreast = ABREAST.min(width - first);
        for row in 0..height {
            let line = &codes[row * width + first..][..abreast];
            line.iter().enumerate().for_each(|(i, &code)| columns[i * height + row] = code);
        }
        for (i, column) in columns.chunks_exact(height.max(1)).take(abreast).enumerate() {
            let mut start = 0;
            for run in column.chunk_by(|a, b| a == b) {
                let end = start + run.len();
                let (from, to) = (start as u32, end as u32);
                let column = (first + i) as u32;
                push(&mut runs, ColumnRun { label: run[0], start: from, end: to, column })?;
                start = end;
            }
        }
    }
    Ok(runs)
}

/// Joins each run with the adjacent ones of the column before; `reach` is 1 where corners connect.
fn join(runs: &[ColumnRun], reach: u32, parent: &mut [u32]) {
    let mut before = 0..0;
    let mut first = 0;
    for column in runs.chunk_by(|a, b| a.column == b.column) {
        let here = first..first + column.len();
        let mut other = before.start;
        for index in here.clone() {
            let run = &runs[index];
            while other < before.end && runs[other].end + reach <= run.start {
                other += 1;
            }
            let mut touching = other;
            while touching < before.end && runs[touching].start < run.end + reach {
                if runs[touching].label == run.label {
                    let (a, b) = (root(parent, touching as u32), root(parent, index as u32));
                    // The root is the first run, so regions are in the order of their first pixel.
                    parent[a.max(b) as usize] = a.min(b);
                }
                touching += 1;
            }
        }
        first = here.end;
        before = here;
    }
}

fn root(parent: &mut [u32], mut index: u32) -> u32 {
    while parent[index as usize] != index {
        parent[index as usize] = parent[parent[index as usize] as usize];
        index = parent[index as usize];
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Components by flooding, each as its set of pixels down the columns.
    fn flood(codes: &[u16], h: usize, w: usize, corners: bool) -> Vec<(u16, Vec<usize>)> {
        let mut seen = vec![false; codes.len()];
        let mut found = Vec::new();
        for start in (0..w).flat_map(|x| (0..h).map(move |y| y * w + x)) {
            if seen[start] || codes[start] >= 3 {
                continue;
            }
            let (mut stack, mut pixels) = (vec![start], Vec::new());
            seen[start] = true;
            while let Some(at) = stack.pop() {
                let (y, x) = ((at / w) as isize, (at % w) as isize);
                pixels.push(x as usize * h + y as usize);
                for (dy, dx) in (-1..2).flat_map(|dy| (-1..2).map(move |dx| (dy, dx))) {
                    let (v, u) = (y + dy, x + dx);
                    let inside = v >= 0 && u >= 0 && v < h as isize && u < w as isize;
                    if !inside || (!corners && dy != 0 && dx != 0) {
                        continue;
                    }
                    let next = v as usize * w + u as usize;
                    if !seen[next] && codes[next] == codes[start] {
                        seen[next] = true;
                        stack.push(next);
                    }
                }
            }
            pixels.sort_unstable();
            found.push((codes[start], pixels));
        }
        found
    }

    fn pixels(region: &Region) -> Vec<usize> {
        let mut at = 0;
        let mut pixels = Vec::new();
        for pair in region.counts.chunks(2) {
            at += pair[0] as usize;
            let length = pair.get(1).map_or(0, |&length| length as usize);
            pixels.extend(at..at + length);
            at += length;
        }
        pixels
    }

    #[test]
    fn components_are_those_of_flooding() {
        let mut random = Random::new(5);
        for (h, w) in [(1, 1), (1, 9), (9, 1), (13, 40), (30, 70), (64, 33)] {
            let codes: Vec<u16> = (0..h * w).map(|_| random.below(4) as u16).collect();
            for (connectivity, corners) in [(Connectivity::Four, false), (Connectivity::Eight, true)] {
                let found = regions(&codes, [h, w], 3, connectivity, |class, _, _| f64::from(class)).unwrap();
                let found: Vec<_> = found.iter().map(|region| (region.class, pixels(region))).collect();
                assert_eq!(found, flood(&codes, h, w, corners));
            }
            let whole =
                regions(&codes, [h, w], 3, Connectivity::Class, |class, _, _| f64::from(class)).unwrap();
            for region in &whole {
                let expected = codes.iter().filter(|&&code| code == region.class).count();
                assert_eq!((region.area as usize, pixels(region).len()), (expected, expected));
                assert_eq!(region.mean, f64::from(region.class));
                assert!(region.counts[1..].iter().all(|&count| count > 0));
                assert_eq!(region.counts.iter().sum::<u32>() as usize, h * w);
            }
        }
    }
}
