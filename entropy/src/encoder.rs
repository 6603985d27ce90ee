//! Symbols in, bytes out.

use alloc::vec::Vec;

use crate::categorical::Categorical;
use crate::error::Error;
use crate::escape::{self, Escape};
use crate::interval::Interval;
use crate::mixture::MixtureParams;
use crate::path::Path;
use crate::rans::{LOW, MAX_LANES, SINGLE_END, WordsBackwards, push};
use crate::simd::dispatch;
use crate::stream::{Header, MAX_PACKED, MAX_UNUSED_WORDS, pack_states, unpack_states};

/// Collects symbols in the order they will be decoded, and turns them into bytes in [`Encoder::finish`].
///
/// Between the calls it holds 4 bytes per symbol: rANS encodes backwards, so nothing can be written before
/// the last symbol is known.
#[derive(Clone, Debug)]
pub struct Encoder {
    path: Path,
    intervals: Vec<Interval>,
    escapes: Vec<Escape>,
    /// Where each call's intervals end. Rows start anew with each call.
    call_ends: Vec<usize>,
    /// The words of the interleaved lanes; kept between streams for its memory.
    words: WordsBackwards,
}

impl Default for Encoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Encoder {
    /// An encoder on the fastest path of this machine.
    pub fn new() -> Self {
        let (intervals, escapes, call_ends) = (Vec::new(), Vec::new(), Vec::new());
        Self { path: Path::best(), intervals, escapes, call_ends, words: WordsBackwards::default() }
    }

    /// An encoder on the given path. Every path writes the same bytes.
    ///
    /// # Errors
    ///
    /// [`Error::PathUnavailable`] if this machine lacks the instructions.
    pub fn with_path(path: Path) -> Result<Self, Error> {
        Ok(Self { path: path.checked()?, ..Self::new() })
    }

    /// Encodes `symbols[i]` with mixture `i`; any `i32` is possible.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the parameters are not of `symbols.len()` mixtures.
    pub fn encode(&mut self, params: &MixtureParams<'_>, symbols: &[i32]) -> Result<(), Error> {
        params.check(symbols.len())?;
        dispatch::mixture_intervals(self.path, params, symbols, &mut self.intervals, &mut self.escapes);
        self.end_call();
        Ok(())
    }

    /// Encodes symbols that all have the probabilities of one table.
    ///
    /// # Errors
    ///
    /// [`Error::ImpossibleSymbol`] if a symbol has no probability and the table has no escape; nothing of the
    /// call is kept then.
    pub fn encode_categorical(&mut self, table: &Categorical, symbols: &[i32]) -> Result<(), Error> {
        if let Some(certain) = table.certain() {
            return match symbols.iter().find(|&&symbol| symbol != certain) {
                Some(&symbol) => Err(Error::ImpossibleSymbol { symbol }),
                None => Ok(()),
            };
        }
        let (intervals, escapes) = (self.intervals.len(), self.escapes.len());
        for &symbol in symbols {
            let interval = match (table.interval(symbol), table.escape()) {
                (Some(interval), _) => interval,
                (None, Some(escape)) => {
                    self.escapes.push(Escape { index: self.intervals.len(), symbol });
                    escape
                }
                (None, None) => {
                    self.intervals.truncate(intervals);
                    self.escapes.truncate(escapes);
                    return Err(Error::ImpossibleSymbol { symbol });
                }
            };
            self.intervals.push(interval);
        }
        self.end_call();
        Ok(())
    }

    /// Encodes numbers of `width` bits, `1..=16`, as they are.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the width is out of range, or a value does not fit it; nothing of the call is
    /// kept then.
    pub fn encode_bits(&mut self, values: &[u32], width: u32) -> Result<(), Error> {
        crate::stream::check_width(width)?;
        if let Some(&value) = values.iter().find(|&&value| value >> width != 0) {
            let (found, expected) = (value as usize, (1 << width) - 1);
            return Err(Error::Parameter { what: "value of raw bits", found, expected });
        }
        self.intervals.extend(values.iter().map(|&value| Interval::raw(value, width)));
        self.end_call();
        Ok(())
    }

    /// Encodes a symbol of the caller's own model: the `probability` codes from `left` on, of 65,536. A symbol with all
    /// of them takes no place in the stream.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if there are no such codes; nothing is kept then.
    #[inline]
    pub fn encode_interval(&mut self, left: u32, probability: u32) -> Result<(), Error> {
        if probability >= 1 << 16 && left == 0 {
            return Ok(());
        }
        self.intervals.push(Interval::checked(left, probability)?);
        self.call_ends.push(self.intervals.len());
        Ok(())
    }

    fn end_call(&mut self) {
        if self.call_ends.last().copied().unwrap_or(0) != self.intervals.len() {
            self.call_ends.push(self.intervals.len());
        }
    }

    /// The stream, with as many lanes as its size can feed. Nothing encoded gives no bytes.
    pub fn finish(mut self) -> Vec<u8> {
        self.finish_and_reset()
    }

    /// The stream, as [`Encoder::finish`]; the encoder starts anew, and keeps its memory for the next stream.
    pub fn finish_and_reset(&mut self) -> Vec<u8> {
        // 64 bytes per lane: the part that is coded on one lane stays below a tenth of the stream.
        let estimate = self.estimated_bytes();
        let lanes = (estimate / 64).clamp(1, MAX_LANES);
        let bytes = self.write(1 << lanes.ilog2(), estimate);
        self.intervals.clear();
        self.escapes.clear();
        self.call_ends.clear();
        bytes
    }

    /// The stream with up to `lanes` lanes (1, 2, 4, … 64); fewer if it is too short to feed them.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if `lanes` is not a power of two up to 64.
    pub fn finish_with_lanes(mut self, lanes: usize) -> Result<Vec<u8>, Error> {
        if !lanes.is_power_of_two() || lanes > MAX_LANES {
            return Err(Error::Parameter { what: "number of lanes", found: lanes, expected: MAX_LANES });
        }
        let estimate = self.estimated_bytes();
        Ok(self.write(lanes, estimate))
    }

    /// Size of the stream to within a few percent, from a sample of its intervals.
    fn estimated_bytes(&self) -> usize {
        // The bits of a float, read as an integer, are its exponent and, linearly, the rest of its logarithm.
        let cost = |interval: &Interval| u64::from((143 << 23) - (interval.probability() as f32).to_bits());
        let stride = 1 + self.intervals.len() / 8192;
        let sample = self.intervals.iter().step_by(stride).map(cost).sum::<u64>();
        let raw: u64 = self.escapes.iter().map(|escape| u64::from(escape::bits(escape.symbol))).sum();
        (((sample * stride as u64) >> 23) + raw) as usize / 8
    }

    fn write(&mut self, mut lanes: usize, estimate: usize) -> Vec<u8> {
        while lanes > 1 {
            if let Some(tail) = self.tail(lanes) {
                return self.interleave(lanes, tail, estimate);
            }
            lanes /= 2;
        }
        if self.intervals.is_empty() {
            return Vec::new();
        }
        let mut single = Single::new(self.intervals.len());
        single.take(self, usize::MAX);
        let mut bytes = Vec::new();
        Header::Single.write(&mut bytes);
        single.words.flush(single.state);
        bytes.extend_from_slice(single.words.bytes());
        bytes
    }

    /// The last intervals, on a single lane, as many as the starting states of `lanes` lanes can hold; `None` if
    /// they can hold all.
    fn tail(&self, lanes: usize) -> Option<Tail> {
        let mut single = Single::new(self.intervals.len());
        let mut best = None;
        // A state holds 36 to 51 bits, depending on these bits. Where the next word would leave is the best place to
        // stop: there the state of the single lane, of which three words are kept, is fullest.
        for capacity in (9 * lanes / 4).saturating_sub(3)..51 * lanes / 16 {
            single.take(self, capacity);
            if single.first == 0 {
                return None;
            }
            if single.state >= LOW {
                best = Tail::new(&single, lanes).or(best);
            }
        }
        best
    }

    /// The intervals before the tail on `lanes` lanes, whose starting states hold the tail's words.
    fn interleave(&mut self, lanes: usize, tail: Tail, estimate: usize) -> Vec<u8> {
        let mut states = tail.states;
        let words = &mut self.words;
        words.clear(estimate + estimate / 32 + 4 * MAX_LANES);
        let mut escapes = &self.escapes[..self.escapes.partition_point(|escape| escape.index < tail.first)];
        let mut end = tail.first;
        let calls = self.call_ends.partition_point(|&end| end < tail.first);
        for call in (0..=calls).rev() {
            let start = if call > 0 { self.call_ends[call - 1] } else { 0 };
            while end > start {
                // Everything behind the last row with an escape goes at once, then that row by itself.
                let last = escapes.last().filter(|escape| escape.index >= start);
                let row = last.map_or(start, |escape| start + (escape.index - start) / lanes * lanes);
                if last.is_some() {
                    let row_end = end.min(row + lanes);
                    let intervals = &self.intervals[row_end..end];
                    dispatch::push_rows(self.path, &mut states, lanes, intervals, words);
                    end = row_end;
                }
                while let Some((escape, rest)) = escapes.split_last().filter(|(last, _)| last.index >= row) {
                    push_escape(&mut states[escape.index - row], escape.symbol, |word| words.push(word));
                    escapes = rest;
                }
                dispatch::push_rows(self.path, &mut states, lanes, &self.intervals[row..end], words);
                end = row;
            }
        }
        let (packed, _) = pack_states(&states[..lanes]);
        let mut bytes = Vec::with_capacity(16 + packed.len() + words.bytes().len());
        Header::Interleaved { lanes, unused_words: tail.unused_words, intervals: tail.first as u64 }
            .write(&mut bytes);
        bytes.extend_from_slice(&packed);
        bytes.extend_from_slice(words.bytes());
        bytes
    }
}

/// The words of a single lane, unpacked as the starting states of the interleaved ones.
struct Tail {
    states: [u64; MAX_LANES],
    unused_words: usize,
    /// Intervals from this one on are coded.
    first: usize,
}

impl Tail {
    /// `None` if `lanes` states cannot hold the words, or have room for too many more to say so.
    fn new(single: &Single, lanes: usize) -> Option<Self> {
        // Earliest written word first: then the words that are still to come cannot change the states before them.
        let mut bytes = [0; MAX_PACKED + 64];
        let count = single.words.len() + 3;
        let flushed = [0, 16, 32].map(|shift| (single.state >> shift) as u16);
        let written = single.words.bytes().rchunks_exact(2).map(|word| [word[0], word[1]]);
        for (to, word) in bytes.chunks_exact_mut(2).zip(written.chain(flushed.map(u16::to_le_bytes))) {
            to.copy_from_slice(&word);
        }
        let mut states = [0; MAX_LANES];
        let room = unpack_states(&bytes[..2 * count], &mut states[..lanes]) / 16;
        let unused_words = room.checked_sub(count).filter(|&unused| unused <= MAX_UNUSED_WORDS)?;
        Some(Self { states, unused_words, first: single.first })
    }
}

/// Encodes the raw parts of an escape, last part first.
fn push_escape(state: &mut u64, symbol: i32, mut write: impl FnMut(u16)) {
    let (parts, count) = escape::parts(symbol);
    for &part in parts[..count].iter().rev() {
        if let Some(word) = push(state, part) {
            write(word);
        }
    }
}

/// One lane that takes intervals from the end of the stream.
struct Single {
    state: u64,
    words: WordsBackwards,
    /// Intervals from this one on are taken.
    first: usize,
}

impl Single {
    fn new(intervals: usize) -> Self {
        Self { state: SINGLE_END, words: WordsBackwards::default(), first: intervals }
    }

    /// Takes intervals, each with its escape, as long as no more than `capacity` words come out.
    fn take(&mut self, encoder: &Encoder, capacity: usize) {
        let rest = encoder.escapes.partition_point(|escape| escape.index < self.first);
        let mut escapes = encoder.escapes[..rest].iter().rev().peekable();
        while self.first > 0 {
            let index = self.first - 1;
            let mut state = self.state;
            let mut new = [0_u16; escape::MAX_PARTS + 1];
            let mut count = 0;
            let mut write = |word| {
                new[count] = word;
                count += 1;
            };
            if let Some(escape) = escapes.next_if(|escape| escape.index == index) {
                push_escape(&mut state, escape.symbol, &mut write);
            }
            if let Some(word) = push(&mut state, encoder.intervals[index]) {
                write(word);
            }
            if self.words.len() + count > capacity {
                break;
            }
            new[..count].iter().for_each(|&word| self.words.push(word));
            (self.state, self.first) = (state, index);
        }
    }
}
