//! The name of a measure with its parameters and its cut-off.

use super::super::conventions::Gain;
use super::registry::{Cutoff, REGISTRY};
use super::{Measure, MeasureKind};

impl Measure {
    /// The measure's name as we write it: `map@10`, `rbp(p=0.95)`.
    pub fn name(&self) -> String {
        // Two measures without a number differ by their whole name, others by their kind.
        let same = |kind: &MeasureKind| match self.kind {
            MeasureKind::Text(_) => *kind == self.kind,
            MeasureKind::Diversity(own) => {
                matches!(kind, MeasureKind::Diversity(diversity) if diversity.kind == own.kind)
            }
            MeasureKind::Cwl(own) => {
                matches!(kind, MeasureKind::Cwl(cwl) if std::mem::discriminant(&cwl.user) == std::mem::discriminant(&own.user))
            }
            _ => std::mem::discriminant(kind) == std::mem::discriminant(&self.kind),
        };
        let entry = REGISTRY.iter().find(|entry| same(&(entry.kind)())).expect("every kind has a name");
        let mut name = entry.name.to_owned();
        let (mut parameters, mut tail) = (Vec::new(), self.cutoff.map(|cutoff| cutoff.to_string()));
        match &self.kind {
            kind if *kind == (entry.kind)() && entry.cutoff != Cutoff::Level => {}
            MeasureKind::RankBiasedPrecision(p) | MeasureKind::RankBiasedResidual(p) => {
                parameters.push(format!("p={p}"));
            }
            MeasureKind::ExpectedReciprocalRank(Some(grade)) => parameters.push(format!("max={grade}")),
            MeasureKind::F(x) => {
                "f".clone_into(&mut name);
                parameters.push(format!("x={x}"));
            }
            MeasureKind::PrecisionAtMultiple(level) | MeasureKind::InterpolatedPrecision(level) => {
                tail = Some(level.to_string())
            }
            MeasureKind::InterpolatedAverage(levels) => parameters.extend(levels.iter().map(f64::to_string)),
            MeasureKind::Utility(worths) => parameters.extend(worths.iter().map(f64::to_string)),
            MeasureKind::Compatibility(p, normalize) => {
                parameters.push(format!("p={p}"));
                if !normalize {
                    parameters.push("normalize=False".to_owned());
                }
            }
            MeasureKind::Cwl(cwl) => parameters.extend(cwl.parameters()),
            MeasureKind::Diversity(diversity) => parameters.extend(diversity.parameters()),
            _ => {}
        }
        parameters.extend(self.level.map(|level| format!("rel={level}")));
        match &self.gain {
            None => {}
            Some(Gain::Linear) => parameters.push("dcg=log2".to_owned()),
            Some(Gain::Exponential) => parameters.push("dcg=exp-log2".to_owned()),
            Some(Gain::Given(gains)) => {
                parameters.extend(gains.iter().map(|(grade, gain)| format!("{grade}={gain}")));
            }
        }
        if !parameters.is_empty() {
            name.push_str(&format!("({})", parameters.join(",")));
        }
        if let Some(tail) = tail {
            name.push_str(&format!("@{tail}"));
        }
        name
    }
}
