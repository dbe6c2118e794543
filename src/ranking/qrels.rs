//! Relevance judgements, indexed once for many runs.

use rayon::prelude::*;

use crate::error::{Error, Result, collect_blocks, copied, filled, push, reserve, with_capacity, zeros};
use crate::progress::{Progress, STRETCH};
use crate::sort::sort_unstable_by;

use super::ids::{Id, IdSlice, Ids, Lookup, Texts};
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
    /// The grades of each query, greatest first.
    descending: Vec<i64>,
    /// The greatest grade of all, at least 0.
    pub greatest: i64,
    /// Whether a document may be judged twice for a query.
    pub repeated: bool,
}

/// The greatest grade whose exponential gain is still exact.
const GREATEST_GRADE: i64 = 1 << 53;

impl Qrels {
    /// Judgements whose rows are grouped by query; `repeated` says whether a document may stand twice in a query.
    ///
    /// # Errors
    ///
    /// A grade is too great to be exact as a float; `OutOfMemory`; the work is cancelled.
    pub fn new(
        documents: Documents,
        offsets: Vec<usize>,
        grades: Vec<i64>,
        repeated: bool,
        progress: &Progress,
    ) -> Result<Self> {
        if let Some(grade) = grades.iter().find(|grade| grade.unsigned_abs() > GREATEST_GRADE as u64) {
            return Err(Error::value(format!("the relevance grade {grade} is beyond 2^53")));
        }
        let greatest = grades.iter().copied().max().unwrap_or(0).max(0);
        let descending = sorted(&offsets, &grades, greatest, progress)?;
        Ok(Qrels { documents, offsets, grades, descending, greatest, repeated })
    }

    /// How many queries there are.
    pub fn queries(&self) -> usize {
        self.offsets.len().saturating_sub(1)
    }

    /// The rows of a query.
    pub fn rows(&self, query: usize) -> std::ops::Range<usize> {
        self.offsets[query]..self.offsets[query + 1]
    }

    /// The grades of a query, greatest first.
    pub fn descending(&self, query: usize) -> &[i64] {
        &self.descending[self.rows(query)]
    }

    /// How many documents of a query have at least this grade.
    pub fn relevant(&self, query: usize, level: i64) -> usize {
        self.grades[self.rows(query)].iter().filter(|&&grade| grade >= level).count()
    }
}

/// The grades of each query, greatest first.
fn sorted(offsets: &[usize], grades: &[i64], greatest: i64, progress: &Progress) -> Result<Vec<i64>> {
    let least = grades.iter().copied().min().unwrap_or(0);
    let few = usize::try_from(greatest - least).ok().filter(|&spread| spread < FEW_GRADES);
    let mut sorted = copied(grades)?;
    for range in offsets.windows(2) {
        let (grades, sorted) = (&grades[range[0]..range[1]], &mut sorted[range[0]..range[1]]);
        match few {
            Some(spread) => sort_few(sorted, grades, least, spread),
            None => sort_unstable_by(sorted, progress, |a, b| b.cmp(a))?,
        }
    }
    Ok(sorted)
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
    /// Groups the rows of a column. Runs on the current pool.
    ///
    /// # Errors
    ///
    /// There are too many rows; `OutOfMemory`; the work is cancelled.
    pub fn new(ids: IdSlice, progress: &Progress) -> Result<Self> {
        match ids {
            IdSlice::I64(ids) => Self::of(ids, progress),
            IdSlice::I32(ids) => Self::of(ids, progress),
            IdSlice::Texts(ids) => Self::of(ids, progress),
        }
    }

    fn of<I: Ids + ?Sized>(ids: &I, progress: &Progress) -> Result<Self> {
        let n = ids.len();
        if n >= u32::MAX as usize {
            return Err(Error::value(format!("{n} rows are more than a table can hold (4,294,967,294)")));
        }
        // Where the id changes: few places in a table that is already in order.
        const BLOCK: usize = 64;
        let changes =
            collect_blocks((0..n.div_ceil(BLOCK)).into_par_iter().with_min_len(1 << 10).map(|block| {
                progress.check()?;
                let (start, end) = (block * BLOCK, n.min((block + 1) * BLOCK));
                let quiet = block > 0 && ids.all_as_before(start, end);
                let rows = if quiet { start..start } else { start..end };
                Ok(rows.filter(|&row| row == 0 || ids.id(row) != ids.id(row - 1)))
            }))?;
        let mut table = Lookup::default();
        table.clear(changes.len())?;
        let mut first: Vec<usize> = Vec::new();
        let mut group_of_change = with_capacity(changes.len())?;
        for (done, &row) in changes.iter().enumerate() {
            if done.is_multiple_of(STRETCH) {
                progress.check()?;
            }
            let id = ids.id(row);
            let known = table
                .find_or_insert(id.hash(), first.len() as u32, |held| ids.id(first[held as usize]) == id);
            group_of_change.push(known.unwrap_or(first.len() as u32));
            if known.is_none() {
                push(&mut first, row)?;
            }
        }
        let ends = changes.iter().skip(1).copied().chain([n]);
        let runs = changes.iter().copied().zip(ends).zip(&group_of_change);
        if first.len() == changes.len() {
            let mut offsets = changes;
            push(&mut offsets, n)?;
            return Ok(Groups { first, offsets, rows: None });
        }
        let mut sizes = filled(first.len(), 0usize)?;
        for ((start, end), &group) in runs.clone() {
            sizes[group as usize] += end - start;
        }
        let mut offsets = with_capacity(first.len() + 1)?;
        offsets.push(0);
        for size in sizes {
            offsets.push(offsets[offsets.len() - 1] + size);
        }
        let mut next = copied(&offsets)?;
        let mut rows: Vec<u32> = zeros(n)?;
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
    ///
    /// # Errors
    ///
    /// `OutOfMemory`; the work is cancelled.
    pub fn any_twice<I: Ids + ?Sized>(&self, ids: &I, progress: &Progress) -> Result<bool> {
        let twice = |(sieve, table): &mut (Sieve, Lookup), range: &[usize]| {
            progress.check()?;
            let row = |place: usize| self.rows.as_ref().map_or(place, |rows| rows[place] as usize);
            let id = |place: usize| ids.id(row(range[0] + place));
            sieve.tags.clear();
            reserve(&mut sieve.tags, range[1] - range[0])?;
            match self.rows {
                None => ids.tags(range[0]..range[1], &mut sieve.tags),
                Some(_) => sieve.tags.extend((0..range[1] - range[0]).map(|place| id(place).tag())),
            }
            if sieve.all_differ(id)? {
                return Ok(false);
            }
            table.clear(range[1] - range[0])?;
            for place in 0..range[1] - range[0] {
                if place.is_multiple_of(STRETCH) {
                    progress.check()?;
                }
                let same = |held: u32| id(held as usize) == id(place);
                if table.find_or_insert(id(place).hash(), place as u32, same).is_some() {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let groups = self.offsets.par_windows(2).with_min_len(64);
        let found = groups.map_init(<(Sieve, Lookup)>::default, twice);
        found.find_any(|twice| !matches!(twice, Ok(false))).unwrap_or(Ok(false))
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

    fn judged(documents: Vec<i64>, offsets: Vec<usize>, grades: Vec<i64>) -> Result<Qrels> {
        Qrels::new(Documents::Integers(documents), offsets, grades, false, &Progress::default())
    }

    fn groups(ids: &[i64]) -> Result<Groups> {
        Groups::new(IdSlice::I64(ids), &Progress::default())
    }

    #[test]
    fn groups_of_ordered_and_mixed_rows() {
        let ordered = groups(&[5i64, 5, 2, 9, 9]).unwrap();
        assert_eq!((ordered.first, ordered.offsets, ordered.rows), (vec![0, 2, 3], vec![0, 2, 3, 5], None));
        let mixed = groups(&[5i64, 2, 5, 2, 7]).unwrap();
        assert_eq!(mixed.first, [0, 1, 4]);
        assert_eq!(mixed.offsets, [0, 2, 4, 5]);
        assert_eq!(mixed.rows, Some(vec![0, 2, 1, 3, 4]));
        assert!(groups(&[0i64; 0]).unwrap().is_empty());
    }

    #[test]
    fn ids_that_stand_twice_in_a_group() {
        let groups = Groups { first: vec![0, 3], offsets: vec![0, 3, 5], rows: None };
        assert!(!groups.any_twice(&[1i32, 2, 3, 1, 2][..], &Progress::default()).unwrap());
        assert!(groups.any_twice(&[1i32, 2, 3, 4, 4][..], &Progress::default()).unwrap());
        let groups = Groups { rows: Some(vec![4, 3, 2, 1, 0]), ..groups };
        assert!(!groups.any_twice(&[1i64, 2, 1, 2, 3][..], &Progress::default()).unwrap());
        assert!(groups.any_twice(&[1i64, 1, 2, 3, 4][..], &Progress::default()).unwrap());
    }

    #[test]
    fn grades_are_sorted_within_each_query() {
        let qrels = judged(vec![1, 2, 3], vec![0, 2, 3], vec![0, 2, 1]).unwrap();
        assert_eq!(qrels.descending(0), [2, 0]);
        assert_eq!(qrels.descending(1), [1]);
        assert_eq!((qrels.queries(), qrels.greatest), (2, 2));
        let wide = vec![-3, 700, 5, 5];
        let qrels = judged(vec![1, 2, 3, 4], vec![0, 4], wide).unwrap();
        assert_eq!(qrels.descending(0), [700, 5, 5, -3]);
        let few = vec![-3, 5, 0, 5];
        let qrels = judged(vec![1, 2, 3, 4], vec![0, 4], few).unwrap();
        assert_eq!(qrels.descending(0), [5, 5, 0, -3]);
        let greatest = 1 << 53;
        for (grade, exact) in
            [(greatest, true), (-greatest, true), (greatest + 1, false), (-greatest - 1, false)]
        {
            assert_eq!(judged(vec![1], vec![0, 1], vec![grade]).is_ok(), exact, "{grade}");
        }
        assert!(judged(vec![1], vec![0, 1], vec![i64::MIN]).is_err());
    }
}
