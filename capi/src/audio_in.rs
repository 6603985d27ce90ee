//! Sounds into a file: whole, or in pieces while they arrive.

use crate::abi::{Sized_, WavernBuffer, WavernError, buffer, call_on, clear, hand_out, read};
use crate::encoder::{WavernEncoder, present};
use crate::samples::WavernAudioLayout;
use crate::status::{Failure, WavernStatus};
use crate::writing::{Output, Writing};
use std::ffi::{c_int, c_void};
use std::mem::size_of;
use std::sync::{Arc, Mutex, PoisonError};

// SAFETY: an integer of the size of a pointer, then four of 32 bits.
unsafe impl Sized_ for WavernAudioLayout {
    const NAME: &'static str = "WavernAudioLayout";
    fn defaults() -> Self {
        Self { size: size_of::<Self>(), sample_rate: 0, channels: 0, memory_format: 0, file_format: 0 }
    }
}

/// Takes the next bytes of a file; they are there until it returns. What it returns other than 0 stops the call with
/// WAVERN_ERROR_STOPPED.
pub type WavernWrite = Option<unsafe extern "C" fn(user: *mut c_void, data: *const u8, size: usize) -> c_int>;

/// Encodes a sound of `frames` frames. The file is handed out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_encode_audio(
    encoder: *mut WavernEncoder,
    layout: *const WavernAudioLayout,
    samples: *const c_void,
    frames: usize,
    file: *mut *mut WavernBuffer,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |encoder: &mut WavernEncoder| {
        encoder.check_idle()?;
        // SAFETY: NULL, or a struct that begins with its size.
        let layout = unsafe { read(layout) }?;
        let make = || {
            let collected: Arc<Mutex<Vec<u8>>> = Arc::default();
            let mut writing = encoder.begin(&layout, Output::Memory(Arc::clone(&collected)))?;
            // SAFETY: NULL, or that many frames.
            unsafe { writing.write(samples, frames) }?;
            writing.finish()?;
            Ok(buffer(std::mem::take(&mut collected.lock().unwrap_or_else(PoisonError::into_inner))))
        };
        // SAFETY: NULL, or a place for a pointer.
        unsafe { hand_out(file, "file", make) }
    };
    // SAFETY: NULL, or a place for a pointer, and a handle that nobody else uses.
    unsafe {
        clear(file);
        call_on(encoder, error, body)
    }
}

/// Begins a sound that arrives in pieces. Its file goes to `write` while it is coded. Until the sound is finished the
/// encoder takes nothing else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_begin_audio(
    encoder: *mut WavernEncoder,
    layout: *const WavernAudioLayout,
    write: WavernWrite,
    user: *mut c_void,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |encoder: &mut WavernEncoder| {
        encoder.check_idle()?;
        let function = present(write, "write")?;
        // SAFETY: NULL, or a struct that begins with its size.
        let layout = unsafe { read(layout) }?;
        encoder.writing = Some(encoder.begin(&layout, Output::Callback { function, user })?);
        Ok(())
    };
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on(encoder, error, body) }
}

/// Takes the next `frames` frames of the sound that was begun, and codes what they fill. After an error the sound is
/// given up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_write_audio(
    encoder: *mut WavernEncoder,
    samples: *const c_void,
    frames: usize,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |encoder: &mut WavernEncoder| {
        let mut writing = encoder.take()?;
        // SAFETY: NULL, or that many frames.
        unsafe { writing.write(samples, frames) }?;
        encoder.writing = Some(writing);
        Ok(())
    };
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on(encoder, error, body) }
}

/// Codes what has arrived, as far as it fills segments: for a sound that arrives more slowly than it is coded. The file
/// does not depend on it. After an error the sound is given up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_flush_audio(
    encoder: *mut WavernEncoder,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |encoder: &mut WavernEncoder| {
        let mut writing = encoder.take()?;
        writing.flush()?;
        encoder.writing = Some(writing);
        Ok(())
    };
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on(encoder, error, body) }
}

/// Codes the rest and ends the file. The encoder is then free for the next one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_finish_audio(
    encoder: *mut WavernEncoder,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |encoder: &mut WavernEncoder| encoder.take()?.finish();
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on(encoder, error, body) }
}

impl WavernEncoder {
    fn begin(&self, layout: &WavernAudioLayout, output: Output) -> Result<Writing, Failure> {
        Writing::new(&self.encoder, layout, &self.metadata, output)
    }

    fn take(&mut self) -> Result<Writing, Failure> {
        let none = || Failure::argument("no sound was begun (expected wavern_encoder_begin_audio first)");
        self.writing.take().ok_or_else(none)
    }
}
