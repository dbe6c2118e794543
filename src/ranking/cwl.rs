//! Measures of the C/W/L framework (Azzopardi, Thomas and Moffat, "cwl_eval", SIGIR 2019): the gain per document that a
//! reader expects who goes on from each document to the next with some probability.

use crate::error::{Error, Result};

/// As many documents of a list count, those beyond its end without gain.
pub const RANKS: u32 = 1000;

/// How likely a reader goes on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum User {
    /// INST: less likely the nearer the reader comes to so much gain (Moffat et al. 2015).
    Inst(f64),
    /// INSQ: more likely at each rank, the more gain is wanted (Moffat et al. 2012).
    Insq(f64),
    /// Scaled DCG: as the logarithmic discount has it (Järvelin and Kekäläinen 2002), down to the cut-off.
    Sdcg,
    /// Equation 8 of Azzopardi, Mackenzie and Moffat 2021: less likely after a gain.
    Nerr8,
    /// Equation 9: also with the rank.
    Nerr9,
    /// Equation 10: with a persistence.
    Nerr10(f64),
    /// Equation 11: as INSQ.
    Nerr11(f64),
}

/// A reader, and what grades are worth to them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cwl {
    /// How likely they go on.
    pub user: User,
    /// The grade without gain.
    pub least: i64,
    /// The grade with a gain of 1, where it is not the greatest of the judgements.
    pub greatest: Option<i64>,
}

impl Cwl {
    /// Grades from 0 to the greatest.
    pub fn of(user: User) -> Self {
        Cwl { user, least: 0, greatest: None }
    }

    /// The same with one parameter changed.
    ///
    /// # Errors
    ///
    /// There is no such parameter, or its value is out of range.
    pub fn with(mut self, name: &str, key: &str, value: &str) -> Result<Self> {
        let positive = || match value.trim().parse::<f64>() {
            Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
            _ => Err(Error::value(format!("{key} is {value:?}, expected a number above 0"))),
        };
        let grade = || match value.trim().parse::<i64>() {
            Ok(grade) if grade >= 0 => Ok(grade),
            _ => Err(Error::value(format!("{key} is {value:?}, expected a whole number of at least 0"))),
        };
        match (&mut self.user, key) {
            (User::Inst(target) | User::Insq(target) | User::Nerr11(target), "T") => *target = positive()?,
            (User::Nerr10(persistence), "p") => match value.trim().parse::<f64>() {
                Ok(p) if p > 0.0 && p < 1.0 => *persistence = p,
                _ => return Err(Error::value(format!("p is {value:?}, expected a number between 0 and 1"))),
            },
            (_, "min_rel") => self.least = grade()?,
            (_, "max_rel") => self.greatest = Some(grade()?),
            (user, _) => {
                let own = match user {
                    User::Inst(_) | User::Insq(_) | User::Nerr11(_) => "T, ",
                    User::Nerr10(_) => "p, ",
                    User::Sdcg | User::Nerr8 | User::Nerr9 => "",
                };
                return Err(Error::value(format!("{name} takes {own}min_rel and max_rel")));
            }
        }
        if let Some(greatest) = self.greatest
            && greatest <= self.least
        {
            return Err(Error::value(format!(
                "max_rel is {greatest}, expected more than min_rel, {}",
                self.least
            )));
        }
        Ok(self)
    }

    /// The parameters that are not the default ones, as a measure's name has them.
    pub fn parameters(&self) -> Vec<String> {
        let mut parameters = Vec::new();
        match self.user {
            User::Inst(target) | User::Insq(target) | User::Nerr11(target) if target != 1.0 => {
                parameters.push(format!("T={target}"));
            }
            User::Nerr10(p) if p != 0.9 => parameters.push(format!("p={p}")),
            _ => {}
        }
        if self.least != 0 {
            parameters.push(format!("min_rel={}", self.least));
        }
        parameters.extend(self.greatest.map(|grade| format!("max_rel={grade}")));
        parameters
    }

    /// The gain of a grade, from 0 to 1.
    pub fn gain(&self, grade: i64, greatest: i64) -> f64 {
        let greatest = self.greatest.unwrap_or(greatest).max(self.least + 1);
        (grade.clamp(self.least, greatest) - self.least) as f64 / (greatest - self.least) as f64
    }
}

impl User {
    /// The probability to go on from the document at a rank from 1, with its gain and that of all down to it.
    pub fn goes_on(self, rank: f64, gain: f64, gained: f64, depth: u32) -> f64 {
        let within = rank < f64::from(depth);
        let insq = |target: f64| {
            let place = rank + 2.0 * target;
            ((place - 1.0) / place).powi(2)
        };
        match self {
            User::Inst(target) => {
                let place = rank + target + (target - gained);
                ((place - 1.0) / place).powi(2)
            }
            User::Insq(target) => insq(target),
            User::Sdcg if within => (rank + 1.0).log2() / (rank + 2.0).log2(),
            User::Nerr8 if within => 1.0 - gain,
            User::Nerr9 if within => rank / (rank + 1.0) * (1.0 - gain),
            User::Sdcg | User::Nerr8 | User::Nerr9 => 0.0,
            User::Nerr10(persistence) => persistence * (1.0 - gain),
            User::Nerr11(target) => insq(target) * (1.0 - gain),
        }
    }
}
