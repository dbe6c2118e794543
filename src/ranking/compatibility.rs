//! Compatibility (Clarke, Vtyurina and Smucker, "Assessing top-k preferences", TOIS 2021): rank-biased overlap with the
//! ideal list that is most similar.

use super::score::RankedList;

impl RankedList<'_> {
    /// Rank-biased overlap of the list with the relevant documents by falling grade, those of one grade in the order of
    /// the list; with `normalize`, divided by that of the ideal list with itself.
    pub fn compatibility(&self, persistence: f64, normalize: bool) -> f64 {
        let grades = self.judged.descending;
        let ideal = grades.partition_point(|&grade| grade > 0);
        let depth = self.retrieved.max(ideal);
        // Both lists have a document from this rank on.
        let mut met = Vec::with_capacity(self.hits.len());
        let mut seen: Vec<(i64, usize)> = Vec::new();
        for hit in self.hits.iter().filter(|hit| hit.grade > 0) {
            let before = match seen.iter_mut().find(|(grade, _)| *grade == hit.grade) {
                Some((_, count)) => {
                    *count += 1;
                    *count - 1
                }
                None => {
                    seen.push((hit.grade, 1));
                    0
                }
            };
            let place = grades.partition_point(|&grade| grade > hit.grade) + before;
            met.push(place.max(hit.rank as usize));
        }
        met.sort_unstable();
        let (mut total, mut best, mut weight, mut common) = (0.0, 0.0, 1.0, 0);
        let mut weights = 0.0;
        for rank in 0..depth {
            while met.get(common).is_some_and(|&from| from <= rank) {
                common += 1;
            }
            let length = (rank + 1) as f64;
            total += weight * common as f64 / length;
            best += weight * ideal.min(rank + 1) as f64 / length;
            weights += weight;
            weight *= persistence;
        }
        if weights == 0.0 {
            return 0.0;
        }
        let (total, best): (f64, f64) = (total / weights, best / weights);
        if normalize && best > 0.0 { total / best } else { total }
    }
}
