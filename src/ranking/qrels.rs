//! Relevance judgements, indexed once for many runs.

use std::sync::OnceLock;

use rayon::prelude::*;

use crate::error::{Error, Result};

use super::ids::{Id, Ids, Lookup, Texts};
use super::sieve::Sieve;

/// A column of document ids of either kind.
#[derive(Debug)]
pub enum Documents {
    /// Integers.
    Integers(Vec<i64>),
    /// Text.
    Texts(Texts<'static>),
}

/// Judgements grouped by query.
#[derive(Debug)]
pub struct Qrels {
    /// The judged documents, query by query.
    pub documents: Documents,
    /// Where each query's rows begin, and where the last one's end.
    pub offsets: Vec<usize>,
    /// The grade of each row.
    pub grades: Vec<i64>,
    /// The grades of each query, greatest first, once they are needed.
    descending: OnceLock<Vec<i64>>,
    /// The greatest grade of all, at least 0.
    pub greatest: i64,
    /// Whether a document may be judged twice for a query.
    pub repeated: bool,
}

/// The greatest grade whose exponential gain is still exact.
const GREATEST_GRADE: i64 = 1 << 53;

impl Qrels {
    /// Judgements whose rows are grouped by query; `repeated` says whether a document may stand twice in a query.
    /// Errors if a grade is too great to be exact as a float.
    pub fn new(documents: Documents, offsets: Vec<usize>, grades: Vec<i64>, repeated: bool) -> Result<Self> {
        if let Some(grade) = grades.iter().find(|grade| grade.unsigned_abs() > GREATEST_GRADE as u64) {
            return Err(Error::value(format!("the relevance grade {grade} is beyond 2^53")));
        }
        let greatest = grades.iter().copied().max().unwrap_or(0).max(0);
        Ok(Qrels { documents, offsets, grades, descending: OnceLock::new(), greatest, repeated })
    }

    /// How many queries there are.
    pub fn queries(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The rows of a query.
    pub fn rows(&self, query: usize) -> std::ops::Range<usize> {
        self.offsets[query]..self.offsets[query + 1]
    }

    /// The grades of a query, greatest first. The first call sorts those of all queries.
    pub fn descending(&self, query: usize) -> &[i64] {
        // Alone: a thread that waits for others here might be given work that waits for it.
        &self.descending.get_or_init(|| self.sorted())[self.rows(query)]
    }

    fn sorted(&self) -> Vec<i64> {
        let least = self.grades.iter().copied().min().unwrap_or(0);
        let few = usize::try_from(self.greatest - least).ok().filter(|&spread| spread < FEW_GRADES);
        let mut sorted = self.grades.clone();
        for query in 0..self.queries() {
            let (grades, sorted) = (&self.grades[self.rows(query)], &mut sorted[self.rows(query)]);
            match few {
                Some(spread) => sort_few(sorted, grades, least, spread),
                None => sorted.sort_unstable_by(|a, b| b.cmp(a)),
            }
        }
        sorted
    }

    /// How many documents of a query have at least this grade.
    pub fn relevant(&self, query: usize, level: i64) -> usize {
        self.grades[self.rows(query)].iter().filter(|&&grade| grade >= level).count()
    }
}

/// So many different grades are counted, not sorted.
const FEW_GRADES: usize = 32;

/// Puts the grades, greatest first, into `sorted`; none is more than `spread` above the least.
fn sort_few(sorted: &mut [i64], grades: &[i64], least: i64, spread: usize) {
    let mut counts = [0; FEW_GRADES];
    for grade in grades {
        counts[(grade - least) as usize] += 1;
    }
    let mut rest = sorted;
    for above in (0..=spread).rev() {
        let (same, after) = rest.split_at_mut(counts[above]);
        same.fill(least + above as i64);
        rest = after;
    }
}

/// Rows of a table by the id in one column.
#[derive(Debug, Default)]
pub struct Groups {
    /// The first row of each group; groups are in the order in which their ids first appear.
    pub first: Vec<usize>,
    /// Where each group begins, and where the last one ends: in the table, or in `rows` if there are any.
    pub offsets: Vec<usize>,
    /// The rows, group by group and in order within each, where the table itself is not so ordered.
    pub rows: Option<Vec<u32>>,
}

impl Groups {
    /// Groups the rows of a column.
    pub fn new<I: Ids + ?Sized>(ids: &I) -> Result<Self> {
        let n = ids.len();
        if n >= u32::MAX as usize {
            return Err(Error::value(format!("{n} rows are more than a table can hold (4,294,967,294)")));
        }
        // Where the id changes: few places in a table that is already in order.
        const BLOCK: usize = 64;
        let changes: Vec<usize> = (0..n.div_ceil(BLOCK))
            .into_par_iter()
            .with_min_len(1 << 10)
            .flat_map_iter(|block| {
                let (start, end) = (block * BLOCK, n.min((block + 1) * BLOCK));
                let quiet = block > 0 && ids.all_as_before(start, end);
                let rows = if quiet { start..start } else { start..end };
                rows.filter(|&row| row == 0 || ids.id(row) != ids.id(row - 1))
            })
            .collect();
        let mut table = Lookup::default();
        table.clear(changes.len());
        let mut first: Vec<usize> = Vec::new();
        let mut group_of_change = Vec::with_capacity(changes.len());
        for &row in &changes {
            let id = ids.id(row);
            let known = table
                .find_or_insert(id.hash(), first.len() as u32, |held| ids.id(first[held as usize]) == id);
            group_of_change.push(known.unwrap_or(first.len() as u32));
            if known.is_none() {
                first.push(row);
            }
        }
        let ends = changes.iter().skip(1).copied().chain([n]);
        let runs = changes.iter().copied().zip(ends).zip(&group_of_change);
        if first.len() == changes.len() {
            let offsets = changes.iter().copied().chain([n]).collect();
            return Ok(Groups { first, offsets, rows: None });
        }
        let mut sizes = vec![0usize; first.len()];
        for ((start, end), &group) in runs.clone() {
            sizes[group as usize] += end - start;
        }
        let mut offsets = vec![0usize];
        for size in sizes {
            offsets.push(offsets[offsets.len() - 1] + size);
        }
        let mut next = offsets.clone();
        let mut rows = vec![0u32; n];
        for ((start, end), &group) in runs {
            let place = &mut next[group as usize];
            for row in start..end {
                rows[*place] = row as u32;
                *place += 1;
            }
        }
        Ok(Groups { first, offsets, rows: Some(rows) })
    }

    /// Whether any group has an id of `ids` twice. Runs on the current pool.
    pub fn any_twice<I: Ids + ?Sized>(&self, ids: &I) -> bool {
        let twice = |(sieve, table): &mut (Sieve, Lookup), range: &[usize]| {
            let row = |place: usize| self.rows.as_ref().map_or(place, |rows| rows[place] as usize);
            let id = |place: usize| ids.id(row(range[0] + place));
            sieve.tags.clear();
            match self.rows {
                None => ids.tags(range[0]..range[1], &mut sieve.tags),
                Some(_) => sieve.tags.extend((0..range[1] - range[0]).map(|place| id(place).tag())),
            }
            if sieve.all_differ(id) {
                return false;
            }
            table.clear(range[1] - range[0]);
            (0..range[1] - range[0]).any(|place| {
                let same = |held: u32| id(held as usize) == id(place);
                table.find_or_insert(id(place).hash(), place as u32, same).is_some()
            })
        };
        let groups = self.offsets.par_windows(2).with_min_len(64);
        groups.map_init(<(Sieve, Lookup)>::default, twice).any(|twice| twice)
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.first.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_ordered_and_mixed_rows() {
        let ordered = Groups::new(&[5i64, 5, 2, 9, 9][..]).unwrap();
        assert_eq!((ordered.first, ordered.offsets, ordered.rows), (vec![0, 2, 3], vec![0, 2, 3, 5], None));
        let mixed = Groups::new(&[5i64, 2, 5, 2, 7][..]).unwrap();
        assert_eq!(mixed.first, [0, 1, 4]);
        assert_eq!(mixed.offsets, [0, 2, 4, 5]);
        assert_eq!(mixed.rows, Some(vec![0, 2, 1, 3, 4]));
        assert!(Groups::new(&[0i64; 0][..]).unwrap().is_empty());
    }

    #[test]
    fn ids_that_stand_twice_in_a_group() {
        let groups = Groups { first: vec![0, 3], offsets: vec![0, 3, 5], rows: None };
        assert!(!groups.any_twice(&[1i32, 2, 3, 1, 2][..]));
        assert!(groups.any_twice(&[1i32, 2, 3, 4, 4][..]));
        let groups = Groups { rows: Some(vec![4, 3, 2, 1, 0]), ..groups };
        assert!(!groups.any_twice(&[1i64, 2, 1, 2, 3][..]));
        assert!(groups.any_twice(&[1i64, 1, 2, 3, 4][..]));
    }

    #[test]
    fn grades_are_sorted_within_each_query() {
        let qrels =
            Qrels::new(Documents::Integers(vec![1, 2, 3]), vec![0, 2, 3], vec![0, 2, 1], false).unwrap();
        assert_eq!(qrels.descending(0), [2, 0]);
        assert_eq!(qrels.descending(1), [1]);
        assert_eq!((qrels.queries(), qrels.greatest), (2, 2));
        let wide = vec![-3, 700, 5, 5];
        let qrels = Qrels::new(Documents::Integers(vec![1, 2, 3, 4]), vec![0, 4], wide, false).unwrap();
        assert_eq!(qrels.descending(0), [700, 5, 5, -3]);
        let few = vec![-3, 5, 0, 5];
        let qrels = Qrels::new(Documents::Integers(vec![1, 2, 3, 4]), vec![0, 4], few, false).unwrap();
        assert_eq!(qrels.descending(0), [5, 5, 0, -3]);
        assert!(Qrels::new(Documents::Integers(vec![1]), vec![0, 1], vec![i64::MAX], false).is_err());
    }
}
