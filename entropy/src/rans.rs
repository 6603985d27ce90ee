//! Intervals ↔ 16-bit words: range asymmetric numeral systems \[1] with 48-bit states.
//!
//! A state is a number in `[2^32, 2^48)`. Encoding an interval multiplies it by about `65536 / probability`,
//! after moving its low word to the stream where it would grow past 2^48; decoding undoes that step by step,
//! last interval first. The encoder therefore walks backwards, and words are written from the end.
//!
//! \[1] J. Duda, Asymmetric numeral systems, arXiv 1311.2540.

use alloc::vec;
use alloc::vec::Vec;

use crate::error::Error;
use crate::interval::Interval;

/// Most lanes a stream may interleave.
pub(crate) const MAX_LANES: usize = 64;

/// Below this a state takes in a word.
pub(crate) const LOW: u64 = 1 << 32;

/// State in which a single lane ends. With no words left it may lie below [`LOW`], which saves one word.
pub(crate) const SINGLE_END: u64 = 1 << 16;

/// Words in the order they are decoded, written from the last to the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct WordsBackwards {
    /// Little-endian words; those from `start` on are written.
    buffer: Vec<u8>,
    start: usize,
}

impl WordsBackwards {
    /// Drops all words; leaves room for at least `bytes`.
    pub(crate) fn clear(&mut self, bytes: usize) {
        if self.buffer.len() < bytes {
            self.buffer = vec![0; bytes];
        }
        self.start = self.buffer.len();
    }

    pub(crate) fn push(&mut self, word: u16) {
        self.reserve_row();
        self.start -= 2;
        self.buffer[self.start..self.start + 2].copy_from_slice(&word.to_le_bytes());
    }

    /// Makes room for one word of every lane before those written.
    pub(crate) fn reserve_row(&mut self) {
        if self.start < 2 * MAX_LANES {
            let grown = self.buffer.len() + 2 * MAX_LANES;
            let mut buffer = vec![0; grown + self.buffer.len()];
            buffer[self.start + grown..].copy_from_slice(&self.buffer[self.start..]);
            (self.buffer, self.start) = (buffer, self.start + grown);
        }
    }

    /// The buffer and the index of its first written byte, at least one row's words from its start.
    pub(crate) fn row_mut(&mut self) -> (&mut [u8], &mut usize) {
        self.reserve_row();
        (&mut self.buffer, &mut self.start)
    }

    /// Writes the state of a single lane, top word first: three words, or two if no interval ever filled it.
    pub(crate) fn flush(&mut self, state: u64) {
        self.push(state as u16);
        self.push((state >> 16) as u16);
        if state >= LOW {
            self.push((state >> 32) as u16);
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes().len() / 2
    }
}

/// Encodes one interval, and returns the word that has to leave first if the state would grow too large.
#[inline]
pub(crate) fn push(state: &mut u64, interval: Interval) -> Option<u16> {
    let (left, probability) = (interval.left(), interval.probability());
    let mut word = None;
    if *state >= probability << 32 {
        word = Some(*state as u16);
        *state >>= 16;
    }
    *state = ((*state / probability) << 16) + *state % probability + left;
    word
}

/// The code, `0..65536`, that selects the next interval of this state.
#[inline]
pub(crate) fn quantile(state: u64) -> u32 {
    (state & 0xffff) as u32
}

/// Takes a decoded interval off the state. A word may then be missing: see [`Words::refill`].
#[inline]
pub(crate) fn pop(state: &mut u64, interval: Interval) {
    *state = interval.probability() * (*state >> 16) + (*state & 0xffff) - interval.left();
}

/// Words in the order they are decoded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<'a> {
    /// What is left of them, little-endian.
    pub(crate) bytes: &'a [u8],
    /// A single lane may run out of words near its end; interleaved lanes may not.
    pub(crate) single: bool,
}

impl Words<'_> {
    #[inline]
    pub(crate) fn next(&mut self) -> Option<u64> {
        let (word, rest) = self.bytes.split_first_chunk::<2>()?;
        self.bytes = rest;
        Some(u64::from(u16::from_le_bytes(*word)))
    }

    /// The state a single lane begins with: three words, top word first, or two if there are only two.
    pub(crate) fn first_state(&mut self) -> Result<u64, Error> {
        if self.bytes.len() != 4 {
            return self.full_state();
        }
        let mut state = 0;
        while let Some(word) = self.next() {
            state = state << 16 | word;
        }
        if state >= SINGLE_END { Ok(state) } else { Err(Error::Malformed { what: "state" }) }
    }

    /// Three words, top word first, in the range of a state between intervals.
    pub(crate) fn full_state(&mut self) -> Result<u64, Error> {
        let mut state = 0;
        for _ in 0..3 {
            state = state << 16 | self.next().ok_or(Error::UnexpectedEnd)?;
        }
        if state >= LOW { Ok(state) } else { Err(Error::Malformed { what: "state" }) }
    }

    /// Brings a state back above [`LOW`], or to the end of a single lane.
    #[inline]
    pub(crate) fn refill(&mut self, state: &mut u64) -> Result<(), Error> {
        if *state < LOW {
            match self.next() {
                Some(word) => *state = *state << 16 | word,
                None if self.single && *state >= SINGLE_END => {}
                None => return Err(Error::UnexpectedEnd),
            }
        }
        Ok(())
    }
}

/// The interleaved states and the words they share.
#[derive(Clone, Debug)]
pub(crate) struct Lanes<'a> {
    pub(crate) states: [u64; MAX_LANES],
    /// 1, 2, 4, … 64: the states in use.
    pub(crate) count: usize,
    pub(crate) words: Words<'a>,
}

impl Lanes<'_> {
    /// Reads `width` raw bits, `1..=16`, on one lane.
    pub(crate) fn raw(&mut self, lane: usize, width: u32) -> Result<u32, Error> {
        let state = &mut self.states[lane];
        let value = quantile(*state) >> (16 - width);
        pop(state, Interval::raw(value, width));
        self.words.refill(state)?;
        Ok(value)
    }

    /// Decodes a symbol on the first lane. `find` gives it with left end and probability.
    #[inline]
    pub(crate) fn symbol<T>(&mut self, find: impl FnOnce(u32) -> (T, u32, u32)) -> Result<T, Error> {
        let state = &mut self.states[0];
        let code = quantile(*state);
        let (symbol, left, probability) = find(code);
        let interval = Interval::checked(left, probability)?;
        // A code outside would bring the state out of its range.
        if code.wrapping_sub(left) >= probability {
            let (found, expected) = (code as usize, left as usize);
            return Err(Error::Parameter { what: "code of the interval", found, expected });
        }
        pop(state, interval);
        self.words.refill(state)?;
        Ok(symbol)
    }

    /// Decodes `symbols` row by row. `find(i, quantile)` returns symbol `i` with its interval, or `None` for the
    /// `escape`, whose raw parts follow after the row.
    pub(crate) fn decode_rows(
        &mut self,
        symbols: &mut [i32],
        escape: Interval,
        mut find: impl FnMut(usize, u32) -> Option<(i32, Interval)>,
    ) -> Result<(), Error> {
        let mut first = 0;
        for row in symbols.chunks_mut(self.count) {
            self.decode_row(row, 0, 0, escape, |lane, quantile| find(first + lane, quantile))?;
            first += row.len();
        }
        Ok(())
    }

    /// Decodes the lanes of a row from lane `from` on, then the raw parts of its escapes: those found here and
    /// those in `escapes`, a bit for each lane before.
    pub(crate) fn decode_row(
        &mut self,
        row: &mut [i32],
        from: usize,
        mut escapes: u64,
        escape: Interval,
        mut find: impl FnMut(usize, u32) -> Option<(i32, Interval)>,
    ) -> Result<(), Error> {
        for (lane, symbol) in row.iter_mut().enumerate().skip(from) {
            let state = &mut self.states[lane];
            let interval = match find(lane, quantile(*state)) {
                Some((found, interval)) => {
                    *symbol = found;
                    interval
                }
                None => {
                    escapes |= 1 << lane;
                    escape
                }
            };
            pop(state, interval);
            self.words.refill(state)?;
        }
        self.read_escapes(escapes, row)
    }

    /// Reads the raw parts of the escaped symbols of a row, lowest lane first.
    pub(crate) fn read_escapes(&mut self, mut escapes: u64, row: &mut [i32]) -> Result<(), Error> {
        while escapes != 0 {
            let lane = escapes.trailing_zeros() as usize;
            row[lane] = crate::escape::read(|width| self.raw(lane, width))?;
            escapes &= escapes - 1;
        }
        Ok(())
    }
}
