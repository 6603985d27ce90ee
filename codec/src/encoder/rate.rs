//! A bit rate for a sound that is coded while it arrives.
//!
//! Segments wait in a window. Once it is full, one level is chosen for all of it, such that the file has its bit rate
//! up to the end of the window; the older half is then written, and the rest waits for what comes. A sound that ends
//! within its first window, which is most of a minute of stereo, has one level throughout.
//!
//! Where nothing may wait, the window is one segment. It gets its share of the rate, more if those before it left some,
//! and less if they took too much.

use super::sound::{CodedSegment, Segment, SegmentEncoder};
use crate::error::Error;
use crate::quality::Level;
use rayon::prelude::*;
use std::collections::VecDeque;

/// Latents that a window may hold, and the fewest and the most segments.
const WINDOW_LATENTS: usize = 1 << 22;
const WINDOW_SEGMENTS: std::ops::RangeInclusive<usize> = 4..=64;
/// How far below its budget a window may stay.
const SLACK: f64 = 0.004;
/// Bytes of a segment around its payload: chunk, check, and its entry in the table, rounded up.
const SEGMENT_BYTES: usize = 20;
/// Of those, what its entry in the table takes, at most.
const ENTRY_BYTES: f64 = 2.0;
/// How many guesses are made before the search goes by halves.
const GUESSES: u32 = 6;
/// About how many levels double the rate; where to look next.
const LEVELS_PER_OCTAVE: f64 = 130.0;

/// Of a window of one segment: what its budget may be, in shares of the rate, and how many seconds of the rate may be
/// left for later.
const SHARES: std::ops::RangeInclusive<f64> = 0.5..=2.0;
const CREDIT_SECONDS: f64 = 0.1;

/// How many segments wait for a level.
pub(super) enum Window {
    /// As many as hold a bounded number of latents, each of them so many.
    Latents(usize),
    /// One.
    Segment,
}

/// Segments that wait for a level.
pub(super) struct RateControl {
    /// Bytes for each frame of samples.
    rate: f64,
    window: VecDeque<Segment>,
    capacity: usize,
    /// The level of the last window, where the search for the next begins.
    level: Level,
    top: Level,
    /// Frames of the sound up to the window.
    frames: u64,
    /// Of a window of one segment: the most bytes that may be left for later, and those that were left beyond that.
    credit: f64,
    forgone: f64,
}

impl RateControl {
    /// For `bits` per second. `start` is where to look first.
    pub(super) fn new(bits: u32, sample_rate: u32, window: Window, start: Level, top: Level) -> Self {
        let capacity = match window {
            Window::Latents(each) => {
                (WINDOW_LATENTS / each.max(1)).clamp(*WINDOW_SEGMENTS.start(), *WINDOW_SEGMENTS.end())
            }
            Window::Segment => 1,
        };
        let rate = f64::from(bits) / 8.0 / f64::from(sample_rate);
        Self {
            rate,
            window: VecDeque::new(),
            capacity,
            level: start,
            top,
            frames: 0,
            credit: CREDIT_SECONDS * f64::from(sample_rate) * rate,
            forgone: 0.0,
        }
    }

    /// Takes the next segment.
    pub(super) fn push(&mut self, segment: Segment) {
        self.window.push_back(segment);
    }

    /// Whether segments should be taken out before more are put in.
    pub(super) fn is_full(&self) -> bool {
        self.window.len() >= self.capacity
    }

    /// Whether a segment is to be taken out as soon as it is put in.
    pub(super) fn never_waits(&self) -> bool {
        self.capacity == 1
    }

    /// Codes what is to be written next: half of the window, or all of it if the sound has `ended`. `written` are the
    /// bytes of the file so far. Latents are given along only if they are to be kept.
    pub(super) fn take(
        &mut self,
        ended: bool,
        written: u64,
        keep: bool,
        encoder: &SegmentEncoder,
    ) -> Result<Vec<(Level, CodedSegment)>, Error> {
        let budget = self.budget(written);
        let (level, mut coded) = self.choose(budget, ended, keep, encoder)?;
        self.level = level;
        let count = if ended { self.window.len() } else { self.window.len().div_ceil(2) };
        coded.truncate(count);
        self.frames += self.window.drain(..count).map(|segment| segment.frames).sum::<u64>();
        Ok(coded.into_iter().map(|segment| (level, segment)).collect())
    }

    /// Bytes for the payloads of the window, in front of which the file has `written` bytes.
    fn budget(&mut self, written: u64) -> f64 {
        let waiting = self.window.iter().map(|segment| segment.frames).sum::<u64>() as f64;
        let fixed = (self.window.len() * SEGMENT_BYTES) as f64;
        let share = waiting * self.rate;
        let mut left = self.frames as f64 * self.rate - written as f64;
        if !self.never_waits() {
            return left + share - fixed;
        }
        // The entries of its table come at the end of the file.
        let segments = self.frames as f64 / waiting.max(1.0);
        left -= self.forgone + segments * ENTRY_BYTES;
        let surplus = (left - self.credit).max(0.0);
        self.forgone += surplus;
        (share + left - surplus).clamp(SHARES.start() * share, SHARES.end() * share) - fixed
    }

    /// The level for the window, and what it makes of its segments: the highest whose payloads fit into `budget` bytes,
    /// or one that falls short of them by little.
    fn choose(
        &self,
        budget: f64,
        ended: bool,
        keep: bool,
        encoder: &SegmentEncoder,
    ) -> Result<(Level, Vec<CodedSegment>), Error> {
        // Before the end a window need not be exact: the next one makes up for it.
        let slack = if ended { SLACK } else { 5.0 * SLACK };
        let code = |level: Level| -> Result<Vec<CodedSegment>, Error> {
            let coded = self.window.par_iter().map(|segment| {
                let mut coded = encoder.code(segment, level)?;
                if !keep {
                    coded.latents = Vec::new();
                }
                Ok(coded)
            });
            coded.collect()
        };
        // The highest level known to fit and the lowest known not to, with their sizes; and what fits.
        let (mut fits, mut found) = (None, Vec::new());
        let (mut beyond, mut too_large) = (self.top.0 + 1, None);
        let mut next = self.level.0.min(self.top.0);
        for tries in 1.. {
            let coded = code(Level(next))?;
            let size = coded.iter().map(|segment| segment.payload.len()).sum::<usize>() as f64;
            if size <= budget || next == 0 {
                let close = size >= budget * (1.0 - slack);
                (fits, found) = (Some((next, size)), coded);
                if close || next == self.top.0 {
                    break;
                }
            } else {
                (beyond, too_large) = (next, Some(size));
            }
            let lowest = fits.map_or(0, |(level, _)| level + 1);
            if lowest >= beyond {
                break;
            }
            if tries > GUESSES {
                next = lowest + (beyond - 1 - lowest) / 2;
                continue;
            }
            // Rates grow by equal factors with the level, about: aim at the middle of what is close enough.
            let aim = (budget.max(1.0) * (1.0 - slack / 2.0)).log2();
            let log = |size: f64| size.max(1.0).log2();
            let level = match (fits, too_large) {
                (Some((below, small)), Some(large)) if log(large) > log(small) => {
                    let share = (aim - log(small)) / (log(large) - log(small));
                    f64::from(below) + share * f64::from(beyond - below)
                }
                _ => f64::from(next) + (aim - log(size)) * LEVELS_PER_OCTAVE,
            };
            next = level.round().clamp(f64::from(lowest), f64::from(beyond - 1)) as u16;
        }
        Ok((Level(fits.map_or(0, |(level, _)| level)), found))
    }
}
