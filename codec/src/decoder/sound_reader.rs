//! A sound out of its file while it is read. The mirror is `encoder/sound_writer.rs`.

use super::Decoder;
use super::payload::level;
use super::sound::{exact_segment, segment};
use crate::chunks;
use crate::engine::Engine;
use crate::error::Error;
use crate::latent::Latents;
use crate::quality::Level;
use crate::signal::Metadata;
use crate::sound::{self, Overlap, Packets, packets};
use crate::weights::Weights;
use rayon::prelude::*;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use wavern_bitstream::{AudioHeader, Header, Limits, Segment, SegmentTable, SoundParser, Step};

impl Decoder {
    /// Opens a sound to be decoded piece by piece, while it is read. At most a segment for each thread is kept of the
    /// file. Damage is an error where it is met.
    ///
    /// An input without bytes at the moment may say [`io::ErrorKind::WouldBlock`]: nothing is lost, and the same call
    /// on the reader goes on later.
    ///
    /// # Errors
    /// [`Error::Container`] if the header is damaged or beyond a limit, or if the file is a picture;
    /// [`Error::WeightsMissing`] if it needs other weights; [`Error::Io`] from `input`.
    pub fn sound_reader<R: Read>(&self, input: R) -> Result<SoundReader<'_, R>, Error> {
        SoundReader::new(self, input, false)
    }

    /// Opens a damaged sound as [`Self::sound_reader`] does. What is damaged becomes silence, see
    /// [`SoundReader::gaps`], and a file that was cut ends with its last whole segment. A header that is damaged is
    /// replaced by its copy, for which the whole file is read into memory.
    ///
    /// # Errors
    /// As [`Self::sound_reader`], for what leaves nothing to decode.
    pub fn sound_reader_partial<R: Read>(&self, input: R) -> Result<SoundReader<'_, R>, Error> {
        SoundReader::new(self, input, true)
    }
}

/// A sound on its way out of a file, see [`Decoder::sound_reader`].
pub struct SoundReader<'a, R> {
    pub(super) decoder: &'a Decoder,
    pub(super) input: R,
    pub(super) parser: SoundParser,
    pub(super) header: AudioHeader,
    coding: Coding,
    pub(super) partial: bool,
    pub(super) metadata: Metadata,
    /// The table, if it has been read before its turn, and what then moves `input` to an offset.
    pub(super) table: Option<SegmentTable>,
    pub(super) jump: Option<fn(&mut R, u64) -> io::Result<()>>,
    /// Length of the sound, once it is known.
    pub(super) frames: Option<u64>,
    /// Segments that have been read and not decoded, and whether no more will be read.
    ready: VecDeque<OwnedSegment>,
    ended: bool,
    /// The segment that is decoded next.
    next: u64,
    /// Frames of samples that the next piece does not give although it has them.
    skip: usize,
    gaps: Vec<Range<u64>>,
    damage: Vec<Error>,
}

/// How segments are decoded.
enum Coding {
    Lossy(Box<Lossy>),
    Exact,
}

struct Lossy {
    engine: Engine,
    overlap: Overlap,
}

/// Samples of segments that follow each other, `[channels][frames]`.
enum Piece {
    Narrow(Vec<Vec<f32>>),
    Exact(Vec<Vec<f64>>),
}

impl Piece {
    fn is_empty(&self) -> bool {
        match self {
            Self::Narrow(channels) => channels.first().is_none_or(Vec::is_empty),
            Self::Exact(channels) => channels.first().is_none_or(Vec::is_empty),
        }
    }
}

/// A segment that outlives what it was read from.
struct OwnedSegment {
    index: u64,
    last: Option<u64>,
    level: u16,
    payload: Vec<u8>,
}

/// How much of a file is read at once. A pipe gives what it has.
const READ_BYTES: usize = 1 << 17;

impl<'a, R: Read> SoundReader<'a, R> {
    fn new(decoder: &'a Decoder, mut input: R, partial: bool) -> Result<Self, Error> {
        let mut parser = SoundParser::new(&decoder.options.limits);
        let mut damage = Vec::new();
        let header = loop {
            match parser.step() {
                Ok(Step::Header(header)) => break header,
                Ok(_) => feed(&mut parser, &mut input).map(drop)?,
                Err(error) if partial && is_damage(&error) => {
                    let header = recover(&mut parser, &mut input, &decoder.options.limits)?;
                    damage.push(error.clone().into());
                    break header.ok_or(error)?;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let coding = if header.lossless {
            Coding::Exact
        } else {
            let engine = decoder.engine(&Header::Audio(header))?;
            level(header.level, engine.config())?;
            sound::check_segments(&header, engine.config())?;
            let overlap = Overlap::new(&header, engine.config());
            Coding::Lossy(Box::new(Lossy { engine, overlap }))
        };
        // The first block of a sound with loss lies before it.
        let skip = coding.hop();
        let mut reader = Self {
            decoder,
            input,
            parser,
            header,
            coding,
            partial,
            metadata: Metadata::default(),
            table: None,
            jump: None,
            frames: None,
            ready: VecDeque::new(),
            ended: false,
            next: 0,
            skip,
            gaps: Vec::new(),
            damage,
        };
        reader.fill(1)?;
        Ok(reader)
    }

    /// Sample rate, channels, format and so on.
    pub fn header(&self) -> &AudioHeader {
        &self.header
    }

    /// What travels beside the samples, as far as it has been read: what stands before the first segment, and at the
    /// end all.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Length of the sound in frames, if it is known: at the end, and after [`Self::read_table`].
    pub fn frames(&self) -> Option<u64> {
        self.frames
    }

    /// Whether the segment table has been read before its turn, so that length and metadata are complete.
    pub fn has_table(&self) -> bool {
        self.table.is_some()
    }

    /// Segments that were missing or damaged and became silence, as far as they have been decoded, in order.
    pub fn gaps(&self) -> &[Range<u64>] {
        &self.gaps
    }

    /// What was found damaged or missing so far, in a sound that was opened as partial.
    pub fn damage(&self) -> &[Error] {
        &self.damage
    }

    /// [`Self::damage`], when nothing more is to be read.
    pub fn into_damage(self) -> Vec<Error> {
        self.damage
    }

    /// Goes on at a frame: the next piece begins with it. Without a table all segments up to there are read, not
    /// decoded.
    ///
    /// # Errors
    /// As [`Self::read`]; [`Error::Option`] to go back without a table.
    pub fn seek(&mut self, frame: u64) -> Result<(), Error> {
        let index = frame / self.header.segment_frames;
        match (&self.table, self.jump) {
            (Some(table), Some(jump)) => {
                self.ready.clear();
                let count = table.offsets.len() as u64 - 1;
                self.ended = index >= count;
                if let Some(&offset) = table.offsets.get(index as usize).filter(|_| index < count) {
                    jump(&mut self.input, offset)?;
                    self.parser.resume(offset, index);
                }
                self.next = index.min(count);
            }
            _ if index < self.next => {
                let problem = "backwards needs a table of segments".to_owned();
                return Err(Error::Option { option: "seek", problem });
            }
            _ => {
                self.fill(1)?;
                while self.take_if(|segment| segment.index < index).is_some() {
                    self.fill(1)?;
                }
                self.next = index;
            }
        }
        let within = (frame % self.header.segment_frames) as usize;
        if let Coding::Lossy(lossy) = &mut self.coding {
            lossy.overlap = Overlap::new(&self.header, lossy.engine.config());
        }
        // What a segment with loss gives begins with the end of the block before it.
        self.skip = self.coding.hop() + within;
        Ok(())
    }

    /// The next samples, `[channels][frames]`, at least one frame; none after the last ones. A piece comes from as many
    /// segments as there are threads, or as have arrived.
    ///
    /// # Errors
    /// [`Error`] if something is damaged, unless the sound was opened as partial, or the engine fails; [`Error::Io`].
    pub fn read(&mut self) -> Result<Option<Vec<Vec<f32>>>, Error> {
        let narrow = |channel: Vec<f64>| channel.into_iter().map(|sample| sample as f32).collect();
        Ok(self.next_piece()?.map(|piece| match piece {
            Piece::Narrow(channels) => channels,
            Piece::Exact(channels) => channels.into_iter().map(narrow).collect(),
        }))
    }

    /// [`Self::read`] in 64 bits, which hold the samples of every format exactly: what was coded without loss comes
    /// back bit for bit.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_exact(&mut self) -> Result<Option<Vec<Vec<f64>>>, Error> {
        let widen = |channel: Vec<f32>| channel.into_iter().map(f64::from).collect();
        Ok(self.next_piece()?.map(|piece| match piece {
            Piece::Narrow(channels) => channels.into_iter().map(widen).collect(),
            Piece::Exact(channels) => channels,
        }))
    }

    fn next_piece(&mut self) -> Result<Option<Piece>, Error> {
        loop {
            self.fill(self.decoder.pool.threads())?;
            let Some(batch) = self.batch() else { return Ok(None) };
            let piece = match &self.coding {
                Coding::Lossy(_) => self.piece(batch).map(Piece::Narrow),
                Coding::Exact => self.exact_piece(batch).map(Piece::Exact),
            }?;
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    /// Reads until segments are ready, up to `count` of what has arrived, or none will come.
    fn fill(&mut self, count: usize) -> Result<(), Error> {
        while !self.ended && self.ready.len() < count {
            match self.parser.step()? {
                Step::More if !self.ready.is_empty() => break,
                Step::More => feed(&mut self.parser, &mut self.input).map(drop)?,
                Step::Segment(segment) => {
                    let before = segment.index.saturating_mul(self.header.segment_frames);
                    self.frames = self.frames.or(segment.last.map(|last| before.saturating_add(last)));
                    let Segment { index, last, level, payload } = segment;
                    self.ready.push_back(OwnedSegment { index, last, level, payload: payload.to_vec() });
                }
                // Read with the table, if that was read before its turn.
                Step::Metadata(chunk) if self.table.is_none() => chunks::read(&mut self.metadata, chunk),
                Step::Table(table) => self.frames = Some(table.frames),
                Step::Lost(error) if !self.partial => return Err(error.into()),
                Step::Lost(error) => self.damage.push(error.into()),
                Step::End => self.ended = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// The next of the segments that are ready, if it is wanted.
    fn take_if(&mut self, wanted: impl Fn(&OwnedSegment) -> bool) -> Option<OwnedSegment> {
        self.ready.front().is_some_and(wanted).then(|| self.ready.pop_front()).flatten()
    }

    /// The segments to be decoded now: some that follow each other, or one that is missing. None at the end.
    fn batch(&mut self) -> Option<Vec<OwnedSegment>> {
        let count = self.frames.map(|frames| self.header.segment_count(frames));
        let mut batch: Vec<OwnedSegment> = Vec::new();
        let first = self.next;
        while let Some(segment) = self.take_if(|segment| segment.index == first + batch.len() as u64) {
            batch.push(segment);
        }
        self.next += batch.len() as u64;
        if !batch.is_empty() {
            return Some(batch);
        }
        // Something comes later, or the sound is known to be longer.
        if self.ready.is_empty() && count.is_none_or(|count| self.next >= count) {
            return None;
        }
        match self.gaps.last_mut().filter(|gap| gap.end == self.next) {
            Some(gap) => gap.end += 1,
            None => self.gaps.push(self.next..self.next + 1),
        }
        let last = self.frames.filter(|_| Some(self.next + 1) == count);
        let last = last.map(|frames| frames - self.next * self.header.segment_frames);
        let lost = OwnedSegment { index: self.next, last, level: self.header.level, payload: Vec::new() };
        self.next += 1;
        Some(vec![lost])
    }

    /// Samples from segments that follow each other.
    fn piece(&mut self, batch: Vec<OwnedSegment>) -> Result<Vec<Vec<f32>>, Error> {
        let Coding::Lossy(lossy) = &mut self.coding else { return Ok(Vec::new()) };
        let Lossy { engine, overlap } = &mut **lossy;
        let header = &self.header;
        let coded: Vec<Result<Vec<Packets>, Error>> = self.decoder.pool.run(|| {
            let restored = batch.par_iter().map(|segment| {
                let (level, latents) = segment.latents(header, &engine.weights)?;
                let restore = |part| packets(part, segment.index, level, engine);
                latents.iter().map(restore).collect()
            });
            restored.collect()
        });
        let hop = overlap.lapped.hop();
        let mut channels = vec![Vec::new(); header.channels as usize];
        for (segment, packets) in batch.iter().zip(coded) {
            let packets = match packets {
                // A checksum that holds over a stream that does not decode: whoever wrote it, it is damage.
                Err(error @ (Error::Payload { .. } | Error::Symbols { .. })) if self.partial => {
                    self.damage.push(error);
                    self.gaps.push(segment.index..segment.index + 1);
                    let positions = sound::positions(header, segment.last, engine.config());
                    let groups = sound::groups(channels.len()).len();
                    (0..groups).map(|_| Packets::silent(positions, hop)).collect()
                }
                packets => packets?,
            };
            overlap.add(&packets, &mut channels);
        }
        // The first piece begins before what was asked for, the last one ends after the sound.
        let kept = match batch.last().and_then(|segment| segment.last) {
            Some(last) => (batch.len() - 1) * header.segment_frames as usize + hop + last as usize,
            None => usize::MAX,
        };
        for channel in &mut channels {
            channel.truncate(kept);
            channel.drain(..self.skip.min(channel.len()));
        }
        self.skip = 0;
        Ok(channels)
    }

    /// Samples from segments without loss that follow each other.
    fn exact_piece(&mut self, batch: Vec<OwnedSegment>) -> Result<Vec<Vec<f64>>, Error> {
        let header = &self.header;
        let decoded: Vec<Result<Vec<Vec<f64>>, Error>> = self.decoder.pool.run(|| {
            let segments = batch.par_iter().map(|segment| {
                exact_segment(segment.level, &segment.payload, segment.index, segment.frames(header), header)
            });
            segments.collect()
        });
        let mut channels: Vec<Vec<f64>> = vec![Vec::new(); header.channels as usize];
        for (segment, decoded) in batch.iter().zip(decoded) {
            let samples = match decoded {
                // As with loss.
                Err(error @ (Error::Payload { .. } | Error::Symbols { .. })) if self.partial => {
                    self.damage.push(error);
                    self.gaps.push(segment.index..segment.index + 1);
                    vec![vec![0.0; segment.frames(header)]; channels.len()]
                }
                samples => samples?,
            };
            channels.iter_mut().zip(samples).for_each(|(channel, samples)| channel.extend(samples));
        }
        let skip = self.skip;
        channels.iter_mut().for_each(|channel| drop(channel.drain(..skip.min(channel.len()))));
        self.skip = 0;
        Ok(channels)
    }
}

impl Coding {
    /// How many frames too early the first samples come.
    fn hop(&self) -> usize {
        match self {
            Self::Lossy(lossy) => lossy.overlap.lapped.hop(),
            Self::Exact => 0,
        }
    }
}

/// Whether the header was another one when it was written, as far as one can tell.
fn is_damage(error: &wavern_bitstream::Error) -> bool {
    use wavern_bitstream::Error as Container;
    !matches!(error, Container::Unsupported { .. } | Container::Limit { .. } | Container::Parameter { .. })
}

/// The copy of a header that is damaged, if there is one.
fn recover(
    parser: &mut SoundParser,
    input: &mut impl Read,
    limits: &Limits,
) -> Result<Option<AudioHeader>, Error> {
    let mut bytes = 0;
    loop {
        match feed(parser, input)? {
            0 => return Ok(parser.recover().ok()),
            more => bytes += more as u64,
        }
        // What a buffer takes while it grows.
        limits.check_memory("bytes of memory for a sound without header", 3 * bytes)?;
    }
}

/// Reads more of a file, and gives how much.
fn feed(parser: &mut SoundParser, input: &mut impl Read) -> Result<usize, Error> {
    let mut bytes = vec![0; READ_BYTES];
    let read = loop {
        match input.read(&mut bytes) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => break read?,
        }
    };
    parser.feed(&bytes[..read]);
    Ok(read)
}

impl OwnedSegment {
    /// Its length.
    fn frames(&self, header: &AudioHeader) -> usize {
        self.last.unwrap_or(header.segment_frames) as usize
    }

    /// Level, ŷ and ẑ, one entry for each group of channels.
    fn latents(&self, header: &AudioHeader, weights: &Weights) -> Result<(Level, Vec<Latents>), Error> {
        let Self { index, last, level, ref payload } = *self;
        segment(&Segment { index, last, level, payload }, header, weights)
    }
}
