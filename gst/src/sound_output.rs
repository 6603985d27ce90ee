//! A sound on its way into a file, whose bytes are collected until they are sent.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use wavern::{Encoder, Error, Metadata, SampleFormat, SoundWriter};

/// A sound that was begun.
pub(crate) struct Writing {
    /// Borrows `_encoder`, so it comes first: fields are dropped in order.
    writer: SoundWriter<'static, Output>,
    _encoder: Arc<Encoder>,
    output: Output,
    /// Whether samples are coded as soon as they fill a segment.
    prompt: bool,
}

/// Bytes of the file that have not been taken; a copy is another handle to the same.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Writing {
    /// # Errors
    /// As [`Encoder::sound_writer`].
    pub fn new(
        encoder: &Arc<Encoder>,
        rate: u32,
        format: SampleFormat,
        channels: usize,
        metadata: &Metadata,
        prompt: bool,
    ) -> Result<Self, Error> {
        let (kept, output) = (encoder.clone(), Output::default());
        // SAFETY: the encoder lies behind an `Arc` that this struct holds and drops after the writer.
        let encoder: &'static Encoder = unsafe { &*Arc::as_ptr(&kept) };
        let writer = encoder.sound_writer(rate, format, channels, metadata, output.clone())?;
        Ok(Self { writer, _encoder: kept, output, prompt })
    }

    /// Takes the next samples, and gives the bytes that are ready.
    ///
    /// # Errors
    /// As [`SoundWriter::write_exact`].
    pub fn write(&mut self, samples: Vec<Vec<f64>>) -> Result<Vec<u8>, Error> {
        self.writer.write_exact(samples)?;
        if self.prompt {
            self.writer.flush()?;
        }
        Ok(self.output.take())
    }

    /// Ends the file, and gives its last bytes.
    ///
    /// # Errors
    /// As [`SoundWriter::finish`].
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        self.writer.finish(&Metadata::default())?;
        Ok(self.output.take())
    }
}

impl Output {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
