//! What a decoder and an encoder can be asked for, as structs of C.

use crate::abi::{self, Sized_, WavernError, call, read, write};
use crate::status::{Failure, WavernStatus};
use std::ffi::{c_char, c_int, c_void};
use std::mem::size_of;
use std::ptr;
use wavern::{
    DecodeOptions, Effort, EncodeOptions, Limits, PictureOptions, Quality, Region, Scale, SoundOptions,
    Target, Tune, View,
};

/// How much a file may ask for. Filled by `wavern_limits_init`; the defaults suit files from strangers.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WavernLimits {
    /// Bytes of this struct.
    pub size: usize,
    /// Pixels of a picture. 2^28.
    pub pixels: u64,
    /// Samples of a sound, all channels together. 2^40.
    pub samples: u64,
    /// Bytes of metadata. 2^24.
    pub metadata_bytes: u64,
    /// Pixels or samples for each byte of the file. 2^16, which the format allows at most.
    pub work_per_byte: u64,
    /// Bytes of memory that may be set aside for what a file declares. 2^30. The caller's buffer does not count.
    pub memory_bytes: u64,
    /// Pixels along each side of a picture. 2^20.
    pub side: u32,
    /// Channels of a sound. 32.
    pub channels: u32,
    /// Hertz. 768,000.
    pub sample_rate: u32,
    /// Frames of a segment of a sound. 2^20.
    pub segment_frames: u32,
    /// Chunks in a file, the segments of a sound not counted. 65,536.
    pub chunks: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: integers; four of the last six fill up what precedes, so that nothing is left at the end.
unsafe impl Sized_ for WavernLimits {
    const NAME: &'static str = "WavernLimits";
    fn defaults() -> Self {
        let limits = Limits::default();
        Self {
            size: size_of::<Self>(),
            pixels: limits.pixels,
            samples: limits.samples,
            metadata_bytes: limits.metadata_bytes,
            work_per_byte: limits.work_per_byte,
            memory_bytes: limits.memory_bytes,
            side: limits.side,
            channels: limits.channels,
            sample_rate: limits.sample_rate,
            segment_frames: limits.segment_frames,
            chunks: limits.chunks,
            reserved: 0,
        }
    }
}

/// Pixels of a picture.
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub struct WavernRegion {
    /// Columns to the left of it.
    pub x: u32,
    /// Rows above it.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// What a decoder can be asked for. Filled by `wavern_decode_options_init`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WavernDecodeOptions {
    /// Bytes of this struct.
    pub size: usize,
    /// Bounds on what is read; NULL: the defaults.
    pub limits: *const WavernLimits,
    /// A folder with weights that are not in the library, in UTF-8; NULL: none.
    pub weights_folder: *const c_char,
    /// Threads of its own, 1 to 4096; 0: one for each core, shared by all handles.
    pub threads: u32,
    /// Pictures: how often the sides are halved, 0 to 3.
    pub halvings: u32,
    /// Pictures: only these pixels, counted before halving; all 0: the whole picture. Only what they need is read.
    pub region: WavernRegion,
    /// Not 0: what is left of a damaged file is decoded. Lost parts are gray, or silent.
    pub allow_partial: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: pointers, then an even number of 32-bit integers.
unsafe impl Sized_ for WavernDecodeOptions {
    const NAME: &'static str = "WavernDecodeOptions";
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            limits: ptr::null(),
            weights_folder: ptr::null(),
            threads: 0,
            halvings: 0,
            region: WavernRegion::default(),
            allow_partial: 0,
            reserved: 0,
        }
    }
}

/// What the weights of a picture were trained for.
#[repr(C)]
#[allow(non_camel_case_types, reason = "names of C")]
pub enum WavernTune {
    /// The smallest squared error.
    WAVERN_TUNE_PSNR = 0,
    /// Eyes.
    WAVERN_TUNE_VISUAL = 1,
    /// A decoder with half the work.
    WAVERN_TUNE_FAST = 2,
}

/// Hears the finished part of a search, 0 to 1, and ends it by returning something other than 0; the file is then
/// written with the best that was found. Called from threads of the library.
pub type WavernProgress = Option<unsafe extern "C" fn(user: *mut c_void, done: f32) -> c_int>;

/// What an encoder can be asked for. Filled by `wavern_encode_options_init`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WavernEncodeOptions {
    /// Bytes of this struct.
    pub size: usize,
    /// Bounds on what is written; NULL: the defaults.
    pub limits: *const WavernLimits,
    /// Pictures: hears the progress of a search; NULL: nobody.
    pub progress: WavernProgress,
    /// Given to `progress`.
    pub progress_user: *mut c_void,
    /// Pictures: at most this many bytes; 0: no such target. Of all targets at most one is set; it replaces quality.
    pub target_bytes: u64,
    /// Pictures: at most this many bits per pixel; 0: no such target.
    pub target_bpp: f64,
    /// Pictures: at least this PSNR in dB; 0: no such target.
    pub target_psnr: f64,
    /// 0 (the smallest file) to 100. 60.
    pub quality: f32,
    /// How long to search for a smaller file, 1 (not at all) to 9. 1.
    pub effort: u32,
    /// Not 0: every sample comes back as it was; quality, targets and tune do not apply.
    pub lossless: u32,
    /// Pictures: a WavernTune.
    pub tune: u32,
    /// Threads of its own, 1 to 4096; 0: one for each core, shared by all handles.
    pub threads: u32,
    /// Pictures: side of the tiles, 256, 512, 1024 or 2048; 0: as the library chooses.
    pub tile_side: u32,
    /// Sounds: bits per second; 0: no such target.
    pub bitrate: u32,
    /// Pictures: 0 lets colours under alpha 0 continue the visible ones, so that they cost nothing; not 0 keeps them.
    /// Without loss and with `max_error` they are always kept.
    pub keep_hidden: u32,
    /// Pictures: no colour changes by more than this, in steps of a sample: 1 to 8, in 16 bits 1 to 2056; 0: no such
    /// bound. Quality, targets and tune do not apply.
    pub max_error: u32,
    /// Sounds, not 0: segments of at most 20 ms, for listeners who wait for no more. Not with lossless.
    pub low_delay: u32,
}

// SAFETY: pointers, functions that may be absent, numbers of 64 bits, then an even number of those of 32.
unsafe impl Sized_ for WavernEncodeOptions {
    const NAME: &'static str = "WavernEncodeOptions";
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            limits: ptr::null(),
            progress: None,
            progress_user: ptr::null_mut(),
            target_bytes: 0,
            target_bpp: 0.0,
            target_psnr: 0.0,
            quality: Quality::default().value(),
            effort: 1,
            lossless: 0,
            tune: WavernTune::WAVERN_TUNE_PSNR as u32,
            threads: 0,
            tile_side: 0,
            bitrate: 0,
            keep_hidden: 0,
            max_error: 0,
            low_delay: 0,
        }
    }
}

/// Fills limits with their defaults; `size` is sizeof(WavernLimits).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_limits_init(limits: *mut WavernLimits, size: usize) -> WavernStatus {
    // SAFETY: `limits` is NULL or has `size` bytes.
    unsafe { init(limits, size) }
}

/// Fills options with their defaults; `size` is sizeof(WavernDecodeOptions).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decode_options_init(
    options: *mut WavernDecodeOptions,
    size: usize,
) -> WavernStatus {
    // SAFETY: `options` is NULL or has `size` bytes.
    unsafe { init(options, size) }
}

/// Fills options with their defaults; `size` is sizeof(WavernEncodeOptions).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encode_options_init(
    options: *mut WavernEncodeOptions,
    size: usize,
) -> WavernStatus {
    // SAFETY: `options` is NULL or has `size` bytes.
    unsafe { init(options, size) }
}

/// # Safety
/// As [`write`].
unsafe fn init<T: Sized_>(to: *mut T, size: usize) -> WavernStatus {
    let no_error: *mut WavernError = ptr::null_mut();
    // SAFETY: by the contract of this function.
    unsafe { call(no_error, || write(to, size, &T::defaults())) }
}

/// Limits of the caller; NULL: the defaults.
///
/// # Safety
/// As [`read`].
pub(crate) unsafe fn limits(from: *const WavernLimits) -> Result<Limits, Failure> {
    let mut limits = Limits::default();
    if from.is_null() {
        return Ok(limits);
    }
    // SAFETY: by the contract of this function.
    let given = unsafe { read(from) }?;
    reserved(WavernLimits::NAME, given.reserved)?;
    limits.pixels = given.pixels;
    limits.samples = given.samples;
    limits.metadata_bytes = given.metadata_bytes;
    limits.work_per_byte = given.work_per_byte;
    limits.memory_bytes = given.memory_bytes;
    limits.side = given.side;
    limits.channels = given.channels;
    limits.sample_rate = given.sample_rate;
    limits.segment_frames = given.segment_frames;
    limits.chunks = given.chunks;
    Ok(limits)
}

/// What a decoder was asked for.
pub(crate) struct Decoding {
    pub limits: Limits,
    pub options: DecodeOptions,
    pub view: View,
    pub allow_partial: bool,
}

/// Options of the caller; NULL: the defaults.
///
/// # Safety
/// As [`read`]; the pointers in it are valid.
pub(crate) unsafe fn decoding(from: *const WavernDecodeOptions) -> Result<Decoding, Failure> {
    let given = if from.is_null() {
        WavernDecodeOptions::defaults()
    } else {
        // SAFETY: by the contract of this function.
        unsafe { read(from) }?
    };
    reserved(WavernDecodeOptions::NAME, given.reserved)?;
    // SAFETY: as above.
    let limits = unsafe { limits(given.limits) }?;
    let mut options = DecodeOptions::new().limits(limits);
    if given.threads != 0 {
        options = options.threads(given.threads as usize);
    }
    // SAFETY: as above.
    if let Some(folder) = unsafe { abi::text(given.weights_folder, "weights_folder") }? {
        options = options.weights_folder(folder);
    }
    let scale = match given.halvings {
        0 => Scale::Whole,
        1 => Scale::Half,
        2 => Scale::Quarter,
        3 => Scale::Eighth,
        more => return Err(Failure::argument(format!("halvings: {more} (expected 0 to 3)"))),
    };
    let mut view = View::default().scale(scale);
    let WavernRegion { x, y, width, height } = given.region;
    if (x, y, width, height) != (0, 0, 0, 0) {
        view = view.region(Region { x, y, width, height });
    }
    Ok(Decoding { limits, options, view, allow_partial: given.allow_partial != 0 })
}

/// What an encoder was asked for.
pub(crate) struct Encoding {
    pub options: EncodeOptions,
    /// To be completed by who listens.
    pub picture: PictureOptions,
    pub progress: WavernProgress,
    pub progress_user: *mut c_void,
    /// Whether colours under alpha 0 are replaced.
    pub extend_hidden: bool,
}

/// Options of the caller; NULL: the defaults.
///
/// # Safety
/// As [`read`]; the pointers in it are valid.
pub(crate) unsafe fn encoding(from: *const WavernEncodeOptions) -> Result<Encoding, Failure> {
    let given = if from.is_null() {
        WavernEncodeOptions::defaults()
    } else {
        // SAFETY: by the contract of this function.
        unsafe { read(from) }?
    };
    let lossless = given.lossless != 0;
    let effort = u8::try_from(given.effort).unwrap_or(u8::MAX);
    let mut options = EncodeOptions::new()
        .quality(Quality::new(given.quality)?)
        .effort(Effort::new(effort)?)
        .lossless(lossless)
        // SAFETY: as above.
        .limits(unsafe { limits(given.limits) }?);
    if given.threads != 0 {
        options = options.threads(given.threads as usize);
    }
    let mut sound = SoundOptions::new().low_delay(given.low_delay != 0);
    if given.bitrate != 0 {
        sound = sound.bitrate(given.bitrate);
    }
    options = options.sound(sound);
    let tune = match given.tune {
        0 => Tune::Psnr,
        1 => Tune::Visual,
        2 => Tune::Fast,
        other => return Err(Failure::argument(format!("tune: {other} (expected a WavernTune)"))),
    };
    let mut picture = PictureOptions::new().tune(tune);
    if given.tile_side != 0 {
        picture = picture.tile_side(given.tile_side);
    }
    if given.max_error != 0 {
        picture = picture.max_error(u16::try_from(given.max_error).unwrap_or(u16::MAX));
    }
    if let Some(target) = target(&given)? {
        picture = picture.target(target);
    }
    Ok(Encoding {
        options,
        picture,
        progress: given.progress,
        progress_user: given.progress_user,
        extend_hidden: given.keep_hidden == 0 && !lossless && given.max_error == 0,
    })
}

fn target(given: &WavernEncodeOptions) -> Result<Option<Target>, Failure> {
    let targets = [
        (given.target_bytes != 0).then_some(Target::Bytes(given.target_bytes)),
        (given.target_bpp != 0.0).then_some(Target::BitsPerPixel(given.target_bpp)),
        (given.target_psnr != 0.0).then_some(Target::Psnr(given.target_psnr)),
    ];
    let mut targets = targets.into_iter().flatten();
    match (targets.next(), targets.next()) {
        (_, Some(_)) => Err(Failure::argument("more than one target (expected one of bytes, bpp and PSNR)")),
        (target, None) => Ok(target),
    }
}

fn reserved(name: &str, value: u32) -> Result<(), Failure> {
    match value {
        0 => Ok(()),
        _ => Err(Failure::argument(format!("{name}.reserved is {value} (expected 0)"))),
    }
}
