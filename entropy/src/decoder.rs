//! Bytes in, symbols out: the encoder's mirror.

use crate::categorical::Categorical;
use crate::error::Error;
use crate::interval::Interval;
use crate::mixture::MixtureParams;
use crate::path::Path;
use crate::rans::{LOW, Lanes, MAX_LANES, SINGLE_END, Words};
use crate::simd::dispatch;
use crate::stream::{Header, MAX_PACKED, check_width, pack_states, unpack_states};

/// Decodes what an [`crate::Encoder`] wrote, by the same calls in the same order.
///
/// Works call by call, so that the parameters of a call may depend on the symbols of the calls before. Bytes
/// that no encoder wrote give symbols or an error; [`Decoder::finish`] detects damage with near certainty. No
/// memory grows with what they say.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    path: Path,
    /// The lanes, or, once they are through, the single lane.
    lanes: Lanes<'a>,
    /// Intervals left for the interleaved lanes.
    interleaved: u64,
    /// Words of the single lane that follows the interleaved ones, in decode order.
    tail: [u8; MAX_PACKED],
    tail_words: usize,
    unused_words: usize,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Several lanes, reading from the stream.
    Interleaved,
    /// One lane, reading what the interleaved lanes ended with.
    Tail { position: usize },
    /// One lane, reading from the stream.
    Single,
    /// An error occurred: the states mean nothing any more.
    Failed,
}

impl<'a> Decoder<'a> {
    /// A decoder on the fastest path of this machine.
    ///
    /// # Errors
    ///
    /// [`Error::UnexpectedEnd`] or [`Error::Malformed`] if the bytes do not begin like a stream.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        Self::start(bytes, Path::best())
    }

    /// A decoder on the given path. Every path reads the same symbols.
    ///
    /// # Errors
    ///
    /// [`Error::PathUnavailable`] if this machine lacks the instructions; else as [`Decoder::new`].
    pub fn with_path(bytes: &'a [u8], path: Path) -> Result<Self, Error> {
        Self::start(bytes, path.checked()?)
    }

    fn start(bytes: &'a [u8], path: Path) -> Result<Self, Error> {
        let (header, rest) = if bytes.is_empty() { (Header::Single, bytes) } else { Header::read(bytes)? };
        let mut states = [LOW; MAX_LANES];
        let (count, interleaved, unused_words, phase, rest) = match header {
            Header::Single => (1, 0, 0, Phase::Single, rest),
            Header::Interleaved { lanes, unused_words, intervals } => {
                let used = unpack_states(rest, &mut states[..lanes]).div_ceil(8);
                let rest = rest.get(used..).ok_or(Error::UnexpectedEnd)?;
                (lanes, intervals, unused_words, Phase::Interleaved, rest)
            }
        };
        if rest.len() % 2 != 0 {
            return Err(Error::Malformed { what: "odd number of bytes" });
        }
        let mut words = Words { bytes: rest, single: phase == Phase::Single };
        if phase == Phase::Single {
            states[0] = if bytes.is_empty() { SINGLE_END } else { words.first_state()? };
        }
        let lanes = Lanes { states, count, words };
        Ok(Self { path, lanes, interleaved, tail: [0; MAX_PACKED], tail_words: 0, unused_words, phase })
    }

    /// Decodes `symbols.len()` symbols, symbol `i` with mixture `i`.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the parameters are not of `symbols.len()` mixtures; nothing is read then.
    /// [`Error::UnexpectedEnd`], [`Error::Malformed`] or [`Error::FinalState`] if the bytes are not those of an
    /// encoder that used these parameters; every later call fails then.
    pub fn decode(&mut self, params: &MixtureParams<'_>, symbols: &mut [i32]) -> Result<(), Error> {
        params.check(symbols.len())?;
        let path = self.path;
        self.run(symbols, |lanes, first, n, part| dispatch::pop_mixtures(path, params, lanes, first, n, part))
    }

    /// Decodes symbols that all have the probabilities of one table.
    ///
    /// # Errors
    ///
    /// As [`Decoder::decode`].
    pub fn decode_categorical(&mut self, table: &Categorical, symbols: &mut [i32]) -> Result<(), Error> {
        if let Some(certain) = table.certain() {
            symbols.fill(certain);
            return Ok(());
        }
        // Without an escape the table holds every quantile, and this interval is never used.
        let escape = table.escape().unwrap_or(Interval::ESCAPE);
        self.run(symbols, |lanes, _, _, part| lanes.decode_rows(part, escape, |_, q| table.quantile(q)))
    }

    /// Decodes numbers of `width` bits, `1..=16`.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the width is out of range; else as [`Decoder::decode`].
    pub fn decode_bits(&mut self, values: &mut [u32], width: u32) -> Result<(), Error> {
        check_width(width)?;
        self.run(values, |lanes, _, _, part| {
            for row in part.chunks_mut(lanes.count) {
                for (lane, value) in row.iter_mut().enumerate() {
                    *value = lanes.raw(lane, width)?;
                }
            }
            Ok(())
        })
    }

    /// Decodes a symbol of the caller's own model: `find` gets a code below 65,536 and says whose it is, with the left
    /// end and the probability of the interval that holds it. The mirror of [`crate::Encoder::encode_interval`]; a
    /// symbol with all codes takes no place in the stream, and `find` must not be asked for it.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] if the interval does not hold the code; else as [`Decoder::decode`].
    #[inline]
    pub fn decode_interval<T>(&mut self, find: impl FnOnce(u32) -> (T, u32, u32)) -> Result<T, Error> {
        if self.phase == Phase::Single {
            return self.lanes.symbol(find).inspect_err(|_| self.phase = Phase::Failed);
        }
        let (mut find, mut found) = (Some(find), [None]);
        self.run(&mut found, |lanes, _, _, part| {
            if let (Some(find), [slot]) = (find.take(), part) {
                *slot = Some(lanes.symbol(find)?);
            }
            Ok(())
        })?;
        let [found] = found;
        found.ok_or(Error::FinalState)
    }

    /// Ends decoding: all bytes must be used, and the state must be the one the encoder began with.
    ///
    /// # Errors
    ///
    /// [`Error::FinalState`] if not, or if decoding failed before.
    pub fn finish(self) -> Result<(), Error> {
        let ended = matches!(self.phase, Phase::Single | Phase::Tail { .. })
            && self.words_left() == 0
            && self.lanes.states[0] == SINGLE_END;
        if ended { Ok(()) } else { Err(Error::FinalState) }
    }

    fn words_left(&self) -> usize {
        match self.phase {
            Phase::Tail { position } => self.tail_words - position,
            _ => self.lanes.words.bytes.len() / 2,
        }
    }

    /// Hands `output` to `pop`, cut where the interleaved part ends: `pop(lanes, first, all, part)`.
    fn run<T>(
        &mut self,
        output: &mut [T],
        mut pop: impl FnMut(&mut Lanes<'_>, usize, usize, &mut [T]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let phase = core::mem::replace(&mut self.phase, Phase::Failed);
        let (n, mut first, mut phase) = (output.len(), 0, phase);
        if phase == Phase::Interleaved {
            first = usize::try_from(self.interleaved).map_or(n, |left| left.min(n));
            pop(&mut self.lanes, 0, n, &mut output[..first])?;
            self.interleaved -= first as u64;
            if self.interleaved == 0 {
                phase = self.start_tail()?;
            }
        }
        match phase {
            _ if first == n => {}
            Phase::Single => pop(&mut self.lanes, first, n, &mut output[first..])?,
            Phase::Tail { position } => {
                let words = Words { bytes: &self.tail[2 * position..2 * self.tail_words], single: true };
                let mut lane = Lanes { states: self.lanes.states, count: 1, words };
                pop(&mut lane, first, n, &mut output[first..])?;
                self.lanes.states[0] = lane.states[0];
                phase = Phase::Tail { position: self.tail_words - lane.words.bytes.len() / 2 };
            }
            Phase::Interleaved | Phase::Failed => return Err(Error::FinalState),
        }
        self.phase = phase;
        Ok(())
    }

    /// Checks that the lanes ended where the encoder began, and unpacks the words they hold.
    fn start_tail(&mut self) -> Result<Phase, Error> {
        if !self.lanes.words.bytes.is_empty() {
            return Err(Error::FinalState);
        }
        let states = &self.lanes.states[..self.lanes.count];
        let (mut packed, bits) = pack_states(states);
        self.tail_words = (bits / 16).checked_sub(self.unused_words).ok_or(Error::FinalState)?;
        if packed.drain(2 * self.tail_words..).any(|byte| byte != 0) {
            return Err(Error::FinalState);
        }
        // The words are stored as they were written, so the last is the first to decode.
        for (to, word) in self.tail.chunks_exact_mut(2).zip(packed.rchunks_exact(2)) {
            to.copy_from_slice(word);
        }
        let mut words = Words { bytes: &self.tail[..2 * self.tail_words], single: true };
        self.lanes.states[0] = words.full_state()?;
        Ok(Phase::Tail { position: 3 })
    }
}
