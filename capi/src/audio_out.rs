//! Sounds out of a file, as many frames at a time as the caller wants.

use crate::abi::{WavernError, null};
use crate::decoder::{WavernDecoder, WavernKind::WAVERN_KIND_AUDIO, call_on_kind};
use crate::samples::Memory;
use crate::status::{Failure, WavernStatus};
use std::ffi::c_void;

/// Gives the next frames, at most `frames` of them, interleaved, in a WavernSampleFormat for memory. `got` gets how
/// many there were: fewer than asked for only at the end, and 0 after it. After an error reading goes on only behind
/// `wavern_decoder_seek_audio`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_read_audio(
    decoder: *mut WavernDecoder,
    format: u32,
    samples: *mut c_void,
    frames: usize,
    got: *mut usize,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |decoder: &mut WavernDecoder| {
        if got.is_null() {
            return Err(null("got"));
        }
        // SAFETY: not NULL, so it can be written.
        unsafe { got.write(0) };
        let memory = Memory::of(format)?;
        let channels = decoder.info.channels as usize;
        memory.size(frames, channels, samples.is_null())?;
        let frame = channels * memory.bytes();
        let mut done = 0;
        while done < frames {
            let (count, bytes) = decoder.reading.next(frames - done, memory)?;
            if count == 0 {
                break;
            }
            // SAFETY: the buffer has room for `frames` frames, and `done` + `count` are no more.
            unsafe { samples.cast::<u8>().add(done * frame).copy_from(bytes.as_ptr(), bytes.len()) };
            done += count;
        }
        // SAFETY: as above.
        unsafe { got.write(done) };
        Ok(())
    };
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on_kind(decoder, WAVERN_KIND_AUDIO, error, body) }
}

/// Goes on at a frame: the next one that `wavern_decoder_read_audio` gives. Only the segment that it lies in is read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_seek_audio(
    decoder: *mut WavernDecoder,
    frame: u64,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |decoder: &mut WavernDecoder| {
        let all = decoder.info.frames;
        if frame > all {
            return Err(Failure::argument(format!("frame {frame} (expected at most {all})")));
        }
        decoder.reading.seek(frame)
    };
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on_kind(decoder, WAVERN_KIND_AUDIO, error, body) }
}
