//! What a reader gains who goes on from document to document with some probability.

use super::cwl::{Cwl, RANKS};
use super::hits::Hit;
use super::score::RankedList;

impl RankedList<'_> {
    /// `sum over ranks of (probability to come so far) * gain`, divided by the sum of these probabilities.
    pub fn expected_gain(&self, cwl: &Cwl, depth: u32) -> f64 {
        let mut hits = self.hits.iter().peekable();
        let (mut weight, mut weights, mut total, mut gained) = (1.0, 0.0, 0.0, 0.0);
        for rank in 0..RANKS {
            let here: Option<&Hit> = hits.next_if(|hit| hit.rank == rank);
            let gain = here.map_or(0.0, |hit| cwl.gain(hit.grade.max(0), self.judged.greatest));
            weights += weight;
            total += weight * gain;
            gained += gain;
            weight *= cwl.user.goes_on(f64::from(rank) + 1.0, gain, gained, depth);
            if weight == 0.0 {
                break;
            }
        }
        total / weights
    }
}

#[cfg(test)]
mod tests {
    use super::super::cwl::User;
    use super::super::score::Judged;
    use super::*;

    fn value(cwl: Cwl, grades: &[i64], depth: u32) -> f64 {
        let hits: Vec<Hit> = grades
            .iter()
            .enumerate()
            .map(|(rank, &grade)| Hit { rank: rank as u32, ..Hit::new(rank as u32, grade, -(rank as f64)) })
            .collect();
        let judged = Judged::new(grades, 1, grades.iter().copied().max().unwrap_or(0), &[]);
        RankedList { hits: &hits, retrieved: hits.len(), judged }.expected_gain(&cwl, depth)
    }

    #[test]
    fn all_gain_is_one_and_no_gain_is_none() {
        for user in [User::Insq(1.0), User::Sdcg, User::Nerr8, User::Nerr9, User::Nerr10(0.9)] {
            let cwl = Cwl::of(user);
            assert!((value(cwl, &[1; 1000], 10) - 1.0).abs() < 1e-12, "{user:?}");
            assert_eq!(value(cwl, &[0; 5], 10), 0.0, "{user:?}");
            assert!(value(cwl, &[1, 0, 0, 0], 4) > value(cwl, &[0, 0, 0, 1], 4), "{user:?}");
        }
    }

    #[test]
    fn by_hand() {
        // A reader who surely stops at the first document with the whole gain.
        assert_eq!(value(Cwl::of(User::Nerr8), &[1, 0], 10), 1.0);
        assert_eq!(value(Cwl::of(User::Nerr8), &[0, 1], 10), 0.5);
        // Two of three grades are worth a half.
        let cwl = Cwl::of(User::Nerr8).with("nerr8", "max_rel", "2").unwrap();
        assert_eq!(value(cwl, &[1], 1), 0.5);
        let cwl = cwl.with("nerr8", "min_rel", "1").unwrap();
        assert_eq!(value(cwl, &[1], 1), 0.0);
    }
}
