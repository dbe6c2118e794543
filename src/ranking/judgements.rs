//! Judgements from a table: rows grouped by query, and what a document that is judged twice gives.

use rayon::prelude::*;

use crate::error::{Error, Result, collect, collect_parallel, copied, push, with_capacity};
use crate::progress::Progress;

use super::conventions::Duplicates;
use super::ids::{Id, IdSlice, Ids, Lookup, Texts};
use super::qrels::{Documents, Groups, Qrels};
use super::trec::{TableSource, places};

/// So many rows are worth a task.
const MANY: usize = 1 << 15;

/// The columns of a table of judgements.
pub struct Columns<'a> {
    /// The rows of each query.
    pub groups: &'a Groups,
    /// The document of each row.
    pub documents: IdSlice<'a>,
    /// The grade of each row.
    pub grades: &'a [i64],
    /// The file that they were read from.
    pub source: Option<&'a TableSource>,
}

impl Columns<'_> {
    /// The judgements, query by query. Runs on the current pool.
    ///
    /// # Errors
    ///
    /// A document is judged twice and must not be, with the number of the query; a grade is too great; `OutOfMemory`;
    /// the work is cancelled.
    pub fn judgements(
        &self,
        duplicates: Duplicates,
        progress: &Progress,
    ) -> std::result::Result<Qrels, (Option<usize>, Error)> {
        let (kept, offsets) = match self.documents {
            IdSlice::I64(ids) => self.kept(ids, duplicates, progress),
            IdSlice::I32(ids) => self.kept(ids, duplicates, progress),
            IdSlice::Texts(texts) => self.kept(texts, duplicates, progress),
        }?;
        let repeated = duplicates == Duplicates::All;
        let made = || {
            let grades = gathered(kept.as_deref(), self.grades, |grade| grade)?;
            let documents = match self.documents {
                IdSlice::I64(ids) => Documents::Integers(gathered(kept.as_deref(), ids, |id| id)?),
                IdSlice::I32(ids) => Documents::Integers(gathered(kept.as_deref(), ids, i64::from)?),
                IdSlice::Texts(texts) => Documents::Texts(gathered_texts(kept.as_deref(), texts)?),
            };
            progress.check()?;
            Qrels::new(documents, offsets, grades, repeated, progress)
        };
        made().map_err(|error| (None, error))
    }

    /// The rows that count, group by group (None: all as they are), and where each group begins.
    #[expect(clippy::type_complexity, reason = "rows and offsets, or a group and its error")]
    fn kept<I: Ids + ?Sized>(
        &self,
        documents: &I,
        duplicates: Duplicates,
        progress: &Progress,
    ) -> std::result::Result<(Option<Vec<usize>>, Vec<usize>), (Option<usize>, Error)> {
        let Columns { groups, grades, source, .. } = self;
        let memory = |error| (None, error);
        // What is nearly always so is found out by all threads.
        if duplicates == Duplicates::All || !groups.any_twice(documents, progress).map_err(memory)? {
            let kept = groups.rows.as_ref().map(|rows| collect(rows.iter().map(|&row| row as usize)));
            return Ok((kept.transpose().map_err(memory)?, copied(&groups.offsets).map_err(memory)?));
        }
        let mut table = Lookup::default();
        let mut kept = with_capacity(grades.len()).map_err(memory)?;
        let mut offsets = with_capacity(groups.offsets.len()).map_err(memory)?;
        offsets.push(0);
        for (group, range) in groups.offsets.windows(2).enumerate() {
            progress.check().map_err(memory)?;
            let start = kept.len();
            table.clear(range[1] - range[0]).map_err(memory)?;
            for place in range[0]..range[1] {
                let row = groups.rows.as_ref().map_or(place, |rows| rows[place] as usize);
                let id = documents.id(row);
                let next = (kept.len() - start) as u32;
                let same = |held: u32| documents.id(kept[start + held as usize]) == id;
                match (table.find_or_insert(id.hash(), next, same), duplicates) {
                    (None, _) | (Some(_), Duplicates::All) => kept.push(row),
                    (Some(held), Duplicates::Error) => {
                        let places = places(*source, kept[start + held as usize], row);
                        let problem = format!("document {id} is judged twice ({places})");
                        return Err((Some(group), Error::value(problem).coded("duplicate-document")));
                    }
                    (Some(_), Duplicates::First | Duplicates::Once) => {}
                    (Some(held), Duplicates::Last) => kept[start + held as usize] = row,
                }
            }
            push(&mut offsets, kept.len()).map_err(memory)?;
        }
        Ok((Some(kept), offsets))
    }
}

fn gathered<T: Copy + Sync>(
    kept: Option<&[usize]>,
    values: &[T],
    wide: impl Fn(T) -> i64 + Sync,
) -> Result<Vec<i64>> {
    match kept {
        Some(kept) => collect_parallel(kept.par_iter().with_min_len(MANY).map(|&row| wide(values[row]))),
        None => collect_parallel(values.par_iter().with_min_len(MANY).map(|&value| wide(value))),
    }
}

fn gathered_texts(kept: Option<&[usize]>, texts: &Texts) -> Result<Texts<'static>> {
    let mut gathered = Texts::new();
    let rows = kept.map_or(texts.len(), <[usize]>::len);
    for i in 0..rows {
        gathered.push(texts.id(kept.map_or(i, |kept| kept[i])).0)?;
    }
    Ok(gathered)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Made = std::result::Result<(Vec<i64>, Vec<i64>, Vec<usize>), (Option<usize>, String)>;

    /// Documents, grades and offsets of five rows of two queries, in which document 7 is judged twice.
    fn made(queries: &[i64], duplicates: Duplicates) -> Made {
        let groups = Groups::new(IdSlice::I64(queries), &Progress::default()).unwrap();
        let documents = IdSlice::I32(&[7, 8, 7, 7, 9]);
        let columns = Columns { groups: &groups, documents, grades: &[1, 2, 3, 4, 5], source: None };
        let qrels = columns.judgements(duplicates, &Progress::default());
        let qrels = qrels.map_err(|(group, error)| (group, error.to_string()))?;
        let Documents::Integers(documents) = qrels.documents else { panic!("integers are expected") };
        Ok((documents, qrels.grades, qrels.offsets))
    }

    #[test]
    fn what_a_document_that_is_judged_twice_gives() {
        let queries = [1, 1, 1, 2, 2];
        let once = (vec![7, 8, 7, 9], vec![1, 2, 4, 5], vec![0, 2, 4]);
        assert_eq!(made(&queries, Duplicates::First), Ok(once.clone()));
        assert_eq!(made(&queries, Duplicates::Once), Ok(once));
        let last = (vec![7, 8, 7, 9], vec![3, 2, 4, 5], vec![0, 2, 4]);
        assert_eq!(made(&queries, Duplicates::Last), Ok(last));
        let all = (vec![7, 8, 7, 7, 9], vec![1, 2, 3, 4, 5], vec![0, 3, 5]);
        assert_eq!(made(&queries, Duplicates::All), Ok(all));
        let problem = "document 7 is judged twice (rows 0 and 2)".to_owned();
        assert_eq!(made(&queries, Duplicates::Error), Err((Some(0), problem)));
    }

    #[test]
    fn rows_are_put_together_by_query() {
        let (documents, grades, offsets) = made(&[1, 2, 2, 1, 2], Duplicates::All).unwrap();
        assert_eq!((documents, grades, offsets), (vec![7, 7, 8, 7, 9], vec![1, 4, 2, 3, 5], vec![0, 2, 5]));
        let problem = "document 7 is judged twice (rows 0 and 3)".to_owned();
        assert_eq!(made(&[1, 2, 2, 1, 2], Duplicates::Error), Err((Some(0), problem)));
    }

    #[test]
    fn texts_are_gathered_as_integers_are() {
        let mut texts = Texts::new();
        for text in ["a", "b", "a"] {
            texts.push(text.as_bytes()).unwrap();
        }
        let groups = Groups::new(IdSlice::I64(&[1, 1, 1]), &Progress::default()).unwrap();
        let columns =
            Columns { groups: &groups, documents: IdSlice::Texts(&texts), grades: &[1, 2, 3], source: None };
        let qrels = columns.judgements(Duplicates::Last, &Progress::default()).unwrap();
        let Documents::Texts(texts) = qrels.documents else { panic!("texts are expected") };
        assert_eq!((texts.len(), texts.id(0).0, texts.id(1).0), (2, &b"a"[..], &b"b"[..]));
        assert_eq!(qrels.grades, [3, 2]);
    }
}
