//! Binary decisions with a probability each: what adaptive models code, one decision at a time.

use alloc::vec::Vec;

use crate::error::Error;
use crate::interval::Interval;
use crate::rans::{LOW, SINGLE_END, Words, WordsBackwards, pop, push, quantile};
use crate::stream::Header;

/// Collects binary decisions in the order they will be decoded, and turns them into a stream of one lane.
///
/// Between the calls it holds 4 bytes per decision, as [`crate::Encoder`] does. The stream is the one that
/// [`crate::Encoder`] would write on one lane for a two-symbol table per decision.
#[derive(Clone, Debug, Default)]
pub struct BinaryEncoder {
    intervals: Vec<Interval>,
}

impl BinaryEncoder {
    /// An encoder without any decision.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a decision that was expected to be `true` with `probability / 65536`; 0 counts as 1.
    #[inline]
    pub fn encode(&mut self, decision: bool, probability: u16) {
        self.intervals.push(interval(decision, probability));
    }

    /// Number of decisions so far.
    pub fn len(&self) -> usize {
        self.intervals.len()
    }

    /// Whether nothing was encoded.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// The stream; no decision gives no bytes. The encoder starts anew, and keeps its memory.
    pub fn finish_and_reset(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.intervals.is_empty() {
            return bytes;
        }
        let (mut state, mut words) = (SINGLE_END, WordsBackwards::default());
        for &interval in self.intervals.iter().rev() {
            if let Some(word) = push(&mut state, interval) {
                words.push(word);
            }
        }
        words.flush(state);
        self.intervals.clear();
        Header::Single.write(&mut bytes);
        bytes.extend_from_slice(words.bytes());
        bytes
    }
}

/// Decodes what a [`BinaryEncoder`] wrote: the same probabilities in the same order.
///
/// Any bytes give decisions. Where they run out, all further decisions are `false` and [`BinaryDecoder::failed`]
/// says so; [`BinaryDecoder::finish`] detects other damage with near certainty.
#[derive(Clone, Debug)]
pub struct BinaryDecoder<'a> {
    state: u64,
    words: Words<'a>,
    failed: bool,
}

impl<'a> BinaryDecoder<'a> {
    /// A decoder of a stream of one lane.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedEnd`] or [`Error::Malformed`] if the bytes do not begin like such a stream.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.is_empty() {
            return Ok(Self { state: SINGLE_END, words: Words { bytes, single: true }, failed: false });
        }
        let (Header::Single, rest) = Header::read(bytes)? else {
            return Err(Error::Malformed { what: "lanes of binary decisions" });
        };
        if rest.len() % 2 != 0 {
            return Err(Error::Malformed { what: "odd number of bytes" });
        }
        let mut words = Words { bytes: rest, single: true };
        let state = words.first_state()?;
        Ok(Self { state, words, failed: false })
    }

    /// The next decision, which was expected to be `true` with `probability / 65536`; 0 counts as 1.
    #[inline]
    pub fn decode(&mut self, probability: u16) -> bool {
        let decision = quantile(self.state) < u32::from(probability.max(1));
        pop(&mut self.state, interval(decision, probability));
        if self.state < LOW {
            self.refill();
        }
        decision & !self.failed
    }

    #[inline]
    fn refill(&mut self) {
        if self.words.refill(&mut self.state).is_err() {
            // Any state that goes on without words will do.
            self.state = SINGLE_END;
            self.failed = true;
        }
    }

    /// Whether the bytes ended before the decisions: all that is decoded since means nothing.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// Ends decoding: all bytes must be used, and the state must be the one the encoder began with.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedEnd`] if the bytes ended too early, [`Error::FinalState`] if they did not end here.
    pub fn finish(self) -> Result<(), Error> {
        if self.failed {
            return Err(Error::UnexpectedEnd);
        }
        let ended = self.words.bytes.is_empty() && self.state == SINGLE_END;
        if ended { Ok(()) } else { Err(Error::FinalState) }
    }
}

/// `true` lies below `false`.
#[inline]
fn interval(decision: bool, probability: u16) -> Interval {
    let probability = u32::from(probability.max(1));
    if decision { Interval::new(0, probability) } else { Interval::new(probability, (1 << 16) - probability) }
}
