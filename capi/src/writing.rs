//! A sound on its way into a file. The mirror is `reading.rs`.

use crate::abi::bytes;
use crate::samples::{self, Memory, WavernAudioLayout};
use crate::status::{Failure, Stopped};
use std::ffi::{c_int, c_void};
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use wavern::{Encoder, Metadata, SoundWriter};

/// A sound that was begun.
pub(crate) struct Writing {
    /// Borrows `_encoder`, so it comes first: fields are dropped in order.
    writer: Box<SoundWriter<'static, Output>>,
    _encoder: Arc<Encoder>,
    memory: Memory,
    channels: usize,
}

/// Where the bytes of a file go.
pub(crate) enum Output {
    /// Shared, because the writer keeps what it writes to.
    Memory(Arc<Mutex<Vec<u8>>>),
    Callback {
        function: unsafe extern "C" fn(*mut c_void, *const u8, usize) -> c_int,
        user: *mut c_void,
    },
}

/// Frames that are converted at once.
const PIECE: usize = 1 << 16;

impl Writing {
    pub fn new(
        encoder: &Arc<Encoder>,
        layout: &WavernAudioLayout,
        metadata: &Metadata,
        output: Output,
    ) -> Result<Self, Failure> {
        let memory = Memory::of(layout.memory_format)?;
        let (format, channels) = (samples::stored(layout)?, layout.channels as usize);
        let kept = encoder.clone();
        // SAFETY: the encoder lies behind an `Arc` that this struct holds and drops after the writer.
        let encoder: &'static Encoder = unsafe { &*Arc::as_ptr(&kept) };
        let writer = encoder.sound_writer(layout.sample_rate, format, channels, metadata, output)?;
        Ok(Self { writer: Box::new(writer), _encoder: kept, memory, channels })
    }

    /// Takes the next frames.
    ///
    /// # Safety
    /// `samples` is NULL or that many frames.
    pub unsafe fn write(&mut self, samples: *const c_void, frames: usize) -> Result<(), Failure> {
        let size = self.memory.size(frames, self.channels, samples.is_null())?;
        if frames == 0 {
            return Ok(());
        }
        // SAFETY: not NULL, and of this size by the contract of this function.
        let bytes = unsafe { bytes(samples.cast(), size, "samples") }?;
        // All of them in f64 would be up to four times as much.
        let frame = self.memory.bytes() * self.channels;
        for piece in bytes.chunks(frame * PIECE) {
            self.writer.write_exact(self.memory.read(piece, self.channels))?;
        }
        Ok(())
    }

    /// Codes what fills segments.
    pub fn flush(&mut self) -> Result<(), Failure> {
        Ok(self.writer.flush()?)
    }

    /// Codes the rest.
    pub fn finish(self) -> Result<(), Failure> {
        self.writer.finish(&Metadata::default())?;
        Ok(())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Memory(file) => {
                file.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
            }
            Self::Callback { function, user } => {
                // SAFETY: a function of the caller for this purpose, on the caller's thread.
                let value = unsafe { function(*user, bytes.as_ptr(), bytes.len()) };
                if value != 0 {
                    return Err(io::Error::other(Stopped(format!("write: stopped, it returned {value}"))));
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
