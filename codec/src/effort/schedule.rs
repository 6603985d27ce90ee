//! How much an encoder searches at each effort.

use crate::error::Error;

/// How long an encoder searches for better symbols: 1 (not at all) to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effort(u8);

impl Effort {
    /// # Errors
    /// [`Error::Option`] if the value is not in 1..=9.
    pub fn new(value: u8) -> Result<Self, Error> {
        if (1..=9).contains(&value) {
            return Ok(Self(value));
        }
        Err(Error::Option { option: "effort", problem: format!("{value} (expected 1..=9)") })
    }

    /// The number in 1..=9.
    pub fn value(self) -> u8 {
        self.0
    }

    /// Whether there is any search.
    pub fn searches(self) -> bool {
        self.0 > 1
    }

    /// Rounds of decisions over the symbols of a sound.
    pub(crate) fn sound_rounds(self) -> usize {
        match self.0 {
            1 => 0,
            2..=4 => 1,
            5..=6 => 2,
            _ => 4,
        }
    }

    /// Whether decisions on sounds know what they do to the bits of later symbols.
    pub(crate) fn sound_context(self) -> bool {
        self.0 > 3
    }

    /// What a search for the symbols of a picture does.
    pub(super) fn schedule(self, masked: bool) -> Schedule {
        let (steps, iterations) = match self.0 {
            1 => (0, 0),
            // Further steps gain squared error alone.
            _ if masked => (1, 0),
            2 | 3 => (1, 0),
            4 | 5 => (2, 0),
            6 => (2, 24),
            7 => (2, 60),
            8 => (2, 150),
            _ => (2, 400),
        };
        Schedule { steps, iterations }
    }

    /// Whether symbols of pictures are chosen while they are coded, and not before.
    pub(crate) fn chooses(self, masked: bool) -> bool {
        self.searches() && self.schedule(masked).iterations == 0
    }
}

impl std::fmt::Display for Effort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Default for Effort {
    fn default() -> Self {
        Self(1)
    }
}

/// How much a search for the symbols of a picture does.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    /// Of y down the slope of the cost, see [`super::descent`].
    pub steps: usize,
    /// Of the annealing after it, see [`super::anneal`]; without any there are no decisions by slopes either.
    pub iterations: usize,
}
