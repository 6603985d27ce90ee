//! Where the bytes of a sound come from: pulled from any place of a file, or pushed in their order.

use gst::prelude::*;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a reader of sounds reads from.
pub(crate) enum Input {
    Pulled(Pulled),
    Pushed(Pushed),
}

/// GStreamer said no while a file was read: it is flushing, or upstream has failed and said so itself.
#[derive(Debug)]
pub(crate) struct Refused(pub gst::FlowError);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the source cannot be read ({})", self.0)
    }
}

impl std::error::Error for Refused {}

/// A file that can be read at any place.
pub(crate) struct Pulled {
    pad: gst::Pad,
    offset: u64,
}

impl Pulled {
    pub fn new(pad: &gst::Pad) -> Self {
        Self { pad: pad.clone(), offset: 0 }
    }
}

impl Read for Pulled {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        let buffer = match self.pad.pull_range(self.offset, out.len() as u32) {
            Ok(buffer) => buffer,
            Err(gst::FlowError::Eos) => return Ok(0),
            Err(error) => return Err(io::Error::other(Refused(error))),
        };
        let count = buffer.size().min(out.len());
        buffer.copy_to_slice(0, &mut out[..count]).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        self.offset += count as u64;
        Ok(count)
    }
}

impl Seek for Pulled {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.offset.checked_add_signed(by),
            SeekFrom::End(by) => {
                let length = self.pad.peer_query_duration::<gst::format::Bytes>();
                let length = length.ok_or_else(|| io::Error::other("the source does not know its length"))?;
                u64::from(length).checked_add_signed(by)
            }
        };
        self.offset = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.offset)
    }
}

/// Bytes that have arrived; a copy is another handle to the same.
#[derive(Clone, Default)]
pub(crate) struct Pushed(Arc<Mutex<Arrived>>);

#[derive(Default)]
struct Arrived {
    bytes: Vec<u8>,
    /// How many of them were read.
    read: usize,
    /// Whether more will come.
    ended: bool,
    /// Whether what was read is dropped.
    forgets: bool,
}

impl Pushed {
    fn arrived(&self) -> MutexGuard<'_, Arrived> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, bytes: &[u8]) {
        self.arrived().bytes.extend_from_slice(bytes);
    }

    /// Nothing more will come.
    pub fn end(&self) {
        self.arrived().ended = true;
    }

    pub fn has_ended(&self) -> bool {
        self.arrived().ended
    }

    /// How many bytes are kept.
    pub fn len(&self) -> usize {
        self.arrived().bytes.len()
    }

    /// Reading begins anew, at the first byte.
    pub fn rewind(&self) {
        self.arrived().read = 0;
    }

    /// From now on what was read is dropped.
    pub fn forget(&self) {
        self.arrived().forgets = true;
    }
}

impl Read for Pushed {
    /// As a socket that does not block: what is not there yet is an error that goes away.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut arrived = self.arrived();
        let left = &arrived.bytes[arrived.read..];
        if left.is_empty() && !arrived.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = left.len().min(out.len());
        out[..count].copy_from_slice(&left[..count]);
        arrived.read += count;
        if arrived.forgets && arrived.read == arrived.bytes.len() {
            (arrived.bytes, arrived.read) = (Vec::new(), 0);
        }
        Ok(count)
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Pulled(input) => input.read(out),
            Self::Pushed(input) => input.read(out),
        }
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Pulled(input) => input.seek(to),
            Self::Pushed(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushed_bytes_are_read_once_and_wait_for_more() {
        let pushed = Pushed::default();
        let mut reader = pushed.clone();
        let mut out = [0; 3];
        assert_eq!(reader.read(&mut out).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        pushed.push(&[1, 2, 3, 4]);
        assert_eq!((reader.read(&mut out).unwrap(), out), (3, [1, 2, 3]));
        pushed.rewind();
        assert_eq!((reader.read(&mut out).unwrap(), out), (3, [1, 2, 3]));
        pushed.forget();
        assert_eq!((reader.read(&mut out).unwrap(), out[0], pushed.len()), (1, 4, 0));
        assert!(reader.read(&mut out).is_err());
        pushed.end();
        assert_eq!(reader.read(&mut out).unwrap(), 0);
    }
}
