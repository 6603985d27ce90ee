//! A sound on its way out of a file. The mirror is `writing.rs`.

use crate::samples::Memory;
use crate::status::Failure;
use std::io::Cursor;
use std::sync::Arc;
use wavern::{Decoder, SoundReader};

type Reader = SoundReader<'static, Cursor<&'static [u8]>>;

/// Where reading a sound is.
pub(crate) struct Reading {
    /// Borrows `decoder`, so it comes first: fields are dropped in order. Made when it is needed.
    reader: Option<Box<Reader>>,
    decoder: Arc<Decoder>,
    file: &'static [u8],
    allow_partial: bool,
    /// Samples that have been decoded, and how many frames of them have been given.
    piece: Vec<Vec<f64>>,
    given: usize,
    /// An earlier call failed: where reading is, is not known.
    lost: bool,
}

impl Reading {
    pub fn new(decoder: Arc<Decoder>, file: &'static [u8], allow_partial: bool) -> Self {
        Self { reader: None, decoder, file, allow_partial, piece: Vec::new(), given: 0, lost: false }
    }

    /// The next frames, interleaved, at most `most`; none at the end. Gives how many there are, too.
    pub fn next(&mut self, most: usize, memory: Memory) -> Result<(usize, Vec<u8>), Failure> {
        if self.left() == 0 {
            let piece = self.attempt(|reader| Ok(reader.read_exact()?))?;
            (self.piece, self.given) = (piece.unwrap_or_default(), 0);
        }
        let count = self.left().min(most);
        let bytes = memory.write(&self.piece, self.given..self.given + count);
        self.given += count;
        Ok((count, bytes))
    }

    /// Goes on at a frame.
    pub fn seek(&mut self, frame: u64) -> Result<(), Failure> {
        // What stands in a reader that failed is of no use.
        if std::mem::take(&mut self.lost) {
            self.reader = None;
        }
        (self.piece, self.given) = (Vec::new(), 0);
        self.attempt(|reader| Ok(reader.seek(frame)?))
    }

    /// Segments that became silence, and faults in words; `None` before anything was read.
    pub fn damage(&self) -> Option<(u64, Vec<String>)> {
        let reader = self.reader.as_ref()?;
        let lost = reader.gaps().iter().map(|gap| gap.end - gap.start).sum();
        Some((lost, reader.damage().iter().map(ToString::to_string).collect()))
    }

    fn left(&self) -> usize {
        self.piece.first().map_or(0, |channel| channel.len() - self.given)
    }

    /// Does something with the reader, which is made first if there is none.
    fn attempt<T>(&mut self, work: impl FnOnce(&mut Reader) -> Result<T, Failure>) -> Result<T, Failure> {
        if self.lost {
            return Err(Failure::argument("an earlier call failed (expected a seek before the next one)"));
        }
        // Until it has gone well.
        self.lost = true;
        let mut reader = match self.reader.take() {
            Some(reader) => reader,
            None => self.open()?,
        };
        let result = work(&mut reader);
        self.lost = result.is_err();
        self.reader = Some(reader);
        result
    }

    fn open(&self) -> Result<Box<Reader>, Failure> {
        // SAFETY: the decoder lies behind an `Arc` that this struct holds and drops after the reader.
        let decoder: &'static Decoder = unsafe { &*Arc::as_ptr(&self.decoder) };
        let input = Cursor::new(self.file);
        let mut reader = match self.allow_partial {
            true => decoder.sound_reader_partial(input),
            false => decoder.sound_reader(input),
        }?;
        reader.read_table()?;
        Ok(Box::new(reader))
    }
}
