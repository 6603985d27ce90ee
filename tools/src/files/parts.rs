//! Sound files that were put together from several: each part is handed to the decoder as a file of its own.
//!
//! Decoders take what follows the first part for damage, or leave it out: a joined MP3 has a second head, and a chained
//! Ogg a second stream. Looking at every frame or page also shows what no decoder says: whether the last one is whole.

mod mp3;
mod ogg;

pub(super) use mp3::id3_length;

use super::ahead::Ahead;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A piece of a file, as a format cuts it.
enum Unit {
    /// Bytes that belong to the current part.
    Bytes(Vec<u8>),
    /// Another part begins.
    Boundary,
    /// Nothing follows.
    End,
}

enum Cutter {
    Mp3(mp3::Mp3),
    Ogg(ogg::Ogg),
    /// One part, as it is.
    Whole,
}

/// A file, of which the current part is read; clones read the same.
#[derive(Clone)]
pub(super) struct Parts(Arc<Mutex<State>>);

struct State {
    bytes: Ahead,
    cutter: Cutter,
    /// What was cut and is still to be read, from `start` on.
    unit: Vec<u8>,
    start: usize,
    /// Whether the current part has been read to its end.
    ended: bool,
}

impl Parts {
    /// A file that begins with these bytes, cut as its format asks for.
    pub(super) fn new(mut bytes: Ahead) -> io::Result<Self> {
        let head = bytes.peek(4)?;
        let cutter = match head {
            b"OggS" => Cutter::Ogg(ogg::Ogg::default()),
            [b'I', b'D', b'3', _] => Cutter::Mp3(mp3::Mp3::default()),
            [0xFF, second, ..] if second & 0xE6 == 0xE2 => Cutter::Mp3(mp3::Mp3::default()),
            _ => Cutter::Whole,
        };
        let state = State { bytes, cutter, unit: Vec::new(), start: 0, ended: false };
        Ok(Self(Arc::new(Mutex::new(state))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on to the next part, if there is one; what is left of the current one is passed over.
    pub(super) fn advance(&self) -> io::Result<bool> {
        let mut state = self.state();
        while !state.ended {
            if !state.fill()? {
                break;
            }
        }
        state.ended = false;
        match &mut state.cutter {
            Cutter::Mp3(mp3) => Ok(mp3.advance()),
            Cutter::Ogg(ogg) => Ok(ogg.advance()),
            Cutter::Whole => Ok(false),
        }
    }

    /// What is missing at the end of the file, once it has been read.
    pub(super) fn missing(&self) -> Option<&'static str> {
        match &self.state().cutter {
            Cutter::Mp3(mp3) => mp3.missing(),
            Cutter::Ogg(ogg) => ogg.missing(),
            Cutter::Whole => None,
        }
    }

    /// What the user should know about the cutting.
    pub(super) fn notes(&self) -> Vec<String> {
        let (junk, tags) = match &self.state().cutter {
            Cutter::Mp3(mp3) => (mp3.junk(), mp3.late_tags()),
            Cutter::Ogg(ogg) => (ogg.junk(), Vec::new()),
            Cutter::Whole => (0, Vec::new()),
        };
        let note = || format!("{junk} bytes between the frames are no sound: left out");
        let tags = tags.into_iter().map(|name| format!("a tag of {name} behind the sound is left out"));
        (junk > 0).then(note).into_iter().chain(tags).collect()
    }

    /// A tag of ID3v1 behind the sound.
    pub(super) fn old_tag(&self) -> Option<Vec<u8>> {
        match &self.state().cutter {
            Cutter::Mp3(mp3) => mp3.old_tag(),
            Cutter::Ogg(_) | Cutter::Whole => None,
        }
    }

    /// The comments of the current part of an Ogg, as a FLAC holds them.
    pub(super) fn comments(&self) -> Option<Vec<u8>> {
        match &mut self.state().cutter {
            Cutter::Ogg(ogg) => ogg.comments(),
            Cutter::Mp3(_) | Cutter::Whole => None,
        }
    }
}

impl State {
    /// Cuts the next unit; false at the end of the part.
    fn fill(&mut self) -> io::Result<bool> {
        (self.unit, self.start) = (Vec::new(), 0);
        let unit = match &mut self.cutter {
            _ if self.ended => return Ok(false),
            Cutter::Mp3(mp3) => mp3.next(&mut self.bytes)?,
            Cutter::Ogg(ogg) => ogg.next(&mut self.bytes)?,
            Cutter::Whole => {
                let mut piece = vec![0; 1 << 14];
                let count = self.bytes.read(&mut piece)?;
                piece.truncate(count);
                if count == 0 { Unit::End } else { Unit::Bytes(piece) }
            }
        };
        match unit {
            Unit::Bytes(bytes) => self.unit = bytes,
            Unit::Boundary | Unit::End => self.ended = true,
        }
        Ok(!self.ended)
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        while state.start == state.unit.len() {
            if !state.fill()? {
                return Ok(0);
            }
        }
        let rest = &state.unit[state.start..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        state.start += count;
        Ok(count)
    }
}

#[cfg(test)]
fn parts_of(file: &[u8]) -> (Vec<Vec<u8>>, Option<&'static str>, Vec<String>) {
    let mut parts = Parts::new(Ahead::new(Box::new(io::Cursor::new(file.to_vec())))).unwrap();
    let mut all = Vec::new();
    loop {
        let mut part = Vec::new();
        parts.read_to_end(&mut part).unwrap();
        all.push(part);
        if !parts.advance().unwrap() {
            return (all, parts.missing(), parts.notes());
        }
    }
}
