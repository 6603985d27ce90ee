//! What encodes, with its options and the metadata that go into its files.

use crate::abi::{Handle, WavernError, bytes, call, call_on, clear, free, hand_out, null};
use crate::decoder::metadata_code;
use crate::options::{self, Encoding, WavernEncodeOptions, WavernProgress};
use crate::status::{Failure, WavernStatus};
use crate::writing::Writing;
use std::ffi::c_void;
use std::sync::{Arc, Mutex, PoisonError};
use wavern::search::Watch;
use wavern::{EncodeOptions, Encoder, Metadata, PictureOptions};
use wavern_bitstream::ChunkCode;

/// Encodes any number of pictures and sounds, one after the other.
pub struct WavernEncoder {
    broken: bool,
    /// The sound that was begun.
    pub(crate) writing: Option<Writing>,
    pub(crate) encoder: Arc<Encoder>,
    options: EncodeOptions,
    picture: PictureOptions,
    progress: Option<Progress>,
    pub(crate) extend_hidden: bool,
    pub(crate) metadata: Metadata,
}

impl Handle for WavernEncoder {
    fn broken(&self) -> bool {
        self.broken
    }

    fn set_broken(&mut self, broken: bool) {
        self.broken = broken;
    }
}

/// Makes an encoder. `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_new(
    options: *const WavernEncodeOptions,
    encoder: *mut *mut WavernEncoder,
    error: *mut WavernError,
) -> WavernStatus {
    // SAFETY: the caller's pointers are NULL or valid.
    let make = || WavernEncoder::new(unsafe { options::encoding(options) }?);
    // SAFETY: as above.
    unsafe {
        clear(encoder);
        call(error, || hand_out(encoder, "encoder", make))
    }
}

/// Frees an encoder. A sound that was begun and not finished stays without end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_free(encoder: *mut WavernEncoder) {
    // SAFETY: NULL, or a handle that has not been freed.
    unsafe { free(encoder) };
}

/// Adds a block of a kind of metadata, a WavernMetadataKind, to all files to come; it is copied. Of a kind of which
/// there is at most one, it replaces the one before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_add_metadata(
    encoder: *mut WavernEncoder,
    kind: u32,
    data: *const u8,
    size: usize,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |encoder: &mut WavernEncoder| {
        let code = metadata_code(kind)?;
        // SAFETY: NULL, or `size` bytes that are there during the call.
        let block = unsafe { bytes(data, size, "data") }?.to_vec();
        let least = match code {
            ChunkCode::PNG => 4,
            ChunkCode::RIFF => 8,
            _ => 1,
        };
        if size < least {
            let text = format!("metadata of {size} bytes (expected at least {least})");
            return Err(Failure::argument(text));
        }
        let metadata = &mut encoder.metadata;
        match code {
            ChunkCode::ICC => metadata.icc = Some(block),
            ChunkCode::EXIF => metadata.exif = Some(block),
            ChunkCode::XMP => metadata.xmp = Some(block),
            ChunkCode::IPTC => metadata.iptc = Some(block),
            ChunkCode::PNG => metadata.png.push(block),
            ChunkCode::RIFF => metadata.riff.push(block),
            _ => metadata.flac.push(block),
        }
        Ok(())
    };
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on(encoder, error, body) }
}

/// Forgets all metadata.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_clear_metadata(
    encoder: *mut WavernEncoder,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |encoder: &mut WavernEncoder| {
        encoder.metadata = Metadata::default();
        Ok(())
    };
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on(encoder, error, body) }
}

/// A function of the caller that hears how far a search is.
#[derive(Clone, Copy)]
struct Progress {
    function: unsafe extern "C" fn(user: *mut c_void, done: f32) -> std::ffi::c_int,
    user: *mut c_void,
}

// SAFETY: the header says that it is called from threads of the library.
unsafe impl Send for Progress {}
// SAFETY: as above.
unsafe impl Sync for Progress {}

impl Progress {
    fn new(function: WavernProgress, user: *mut c_void) -> Option<Self> {
        function.map(|function| Self { function, user })
    }

    /// Whether the search shall go on.
    fn hear(&self, done: f32) -> bool {
        // SAFETY: a function of the caller for this purpose.
        unsafe { (self.function)(self.user, done) == 0 }
    }
}

impl WavernEncoder {
    fn new(wanted: Encoding) -> Result<Self, Failure> {
        let Encoding { options, picture, progress, progress_user, extend_hidden } = wanted;
        let encoder = Arc::new(Encoder::new(options.clone().picture(picture.clone()))?);
        let progress = Progress::new(progress, progress_user);
        let metadata = Metadata::default();
        Ok(Self {
            broken: false,
            writing: None,
            encoder,
            options,
            picture,
            progress,
            extend_hidden,
            metadata,
        })
    }

    /// Codes a picture, and lets the caller hear of it.
    pub(crate) fn picture(
        &self,
        code: impl FnOnce(&Encoder) -> Result<Vec<u8>, Failure>,
    ) -> Result<Vec<u8>, Failure> {
        let Some(progress) = self.progress else { return code(&self.encoder) };
        // What stops a search stops all that share it, so each picture gets its own. It and its listener know each
        // other: the cell lets go of them in the end.
        let cell: Arc<Mutex<Option<Watch>>> = Arc::default();
        let stop = cell.clone();
        let watch = Watch::new(move |done| {
            if !progress.hear(done)
                && let Some(watch) = &*stop.lock().unwrap_or_else(PoisonError::into_inner)
            {
                watch.stop();
            }
        });
        *cell.lock().unwrap_or_else(PoisonError::into_inner) = Some(watch.clone());
        let encoder = Encoder::new(self.options.clone().picture(self.picture.clone().watch(watch)));
        let coded = encoder.map_err(Failure::from).and_then(|encoder| code(&encoder));
        *cell.lock().unwrap_or_else(PoisonError::into_inner) = None;
        coded
    }

    /// Refuses another file while a sound is being written.
    pub(crate) fn check_idle(&self) -> Result<(), Failure> {
        match self.writing {
            None => Ok(()),
            Some(_) => {
                Err(Failure::argument("a sound was begun (expected wavern_encoder_finish_audio first)"))
            }
        }
    }
}

/// A pointer that must not be NULL.
pub(crate) fn present<T>(function: Option<T>, what: &str) -> Result<T, Failure> {
    function.ok_or_else(|| null(what))
}
