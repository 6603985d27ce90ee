//! How the learning rate follows the clock, over as many runs as it takes.

/// Steps over which the rate rises from nothing, after every start: moments and bases are young then.
const WARM_UP: f64 = 200.0;

/// What the rate does after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// A cosine from the peak to zero over all minutes of the schedule.
    Cosine,
    /// The peak, for as long as there is time: for a training of many runs, whose average is what is looked at.
    Constant,
    /// From the peak down to zero in a line, over all minutes of the schedule.
    Cooldown,
}

impl Schedule {
    /// What a checkpoint knows it by.
    pub(crate) fn number(self) -> f64 {
        match self {
            Self::Cosine => 0.0,
            Self::Constant => 1.0,
            Self::Cooldown => 2.0,
        }
    }

    /// The learning rate at a share 0 to 1 of the schedule, `step` updates after the optimizer's first.
    pub fn rate(self, peak: f64, progress: f64, step: i64) -> f64 {
        let rest = match self {
            Self::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            Self::Constant => 1.0,
            Self::Cooldown => 1.0 - progress,
        };
        peak * ((step + 1) as f64 / WARM_UP).min(1.0) * rest + 1e-7
    }
}
