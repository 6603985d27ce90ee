//! A file that is to be decoded: opening it, and what is known without decoding.

use crate::abi::{
    Handle, Sized_, WavernError, bytes, call, call_on, clear, fill, free, hand_out, look_at, null,
};
use crate::options::{self, Decoding, WavernDecodeOptions, WavernLimits};
use crate::reading::Reading;
use crate::samples::{self, WavernSampleFormat};
use crate::status::{Failure, WavernStatus};
use std::ffi::c_char;
use std::mem::size_of;
use std::ptr;
use std::sync::Arc;
use wavern::{Color, Decoder, Region, View};
use wavern_bitstream::{ChunkCode, Container, Header, ImageHeader, Limits};

/// A file that is to be decoded, of either kind.
pub struct WavernDecoder {
    broken: bool,
    pub(crate) reading: Reading,
    pub(crate) decoder: Arc<Decoder>,
    /// The caller keeps them until the handle is freed.
    pub(crate) file: &'static [u8],
    pub(crate) view: View,
    pub(crate) allow_partial: bool,
    pub(crate) info: WavernInfo,
    metadata: Vec<(ChunkCode, &'static [u8])>,
    parts: u64,
    /// What decoding a damaged picture found: parts that are lost, and faults in words.
    pub(crate) found: (u64, Vec<String>),
}

impl Handle for WavernDecoder {
    fn broken(&self) -> bool {
        self.broken
    }

    fn set_broken(&mut self, broken: bool) {
        self.broken = broken;
    }
}

/// What a file holds.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(non_camel_case_types, reason = "names of C")]
pub enum WavernKind {
    /// A picture.
    WAVERN_KIND_IMAGE = 1,
    /// A sound.
    WAVERN_KIND_AUDIO = 2,
}

use WavernKind::*;

/// What is known of a file without decoding. What does not belong to its kind is 0.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WavernInfo {
    /// Bytes of this struct.
    pub size: usize,
    /// Sounds: length in frames, WAVERN_FRAMES_UNKNOWN if the end is missing; 0 from `wavern_probe`.
    pub frames: u64,
    /// A WavernKind.
    pub kind: u32,
    /// Pictures: pixels in a row, of the region and after halving.
    pub width: u32,
    /// Pictures: rows, likewise.
    pub height: u32,
    /// Pictures: pixels in a row of the whole picture.
    pub full_width: u32,
    /// Pictures: rows of the whole picture.
    pub full_height: u32,
    /// Pictures: 1 to 4 as in WavernLayout; `wavern_probe` does not know of alpha. Sounds: samples of a frame.
    pub channels: u32,
    /// Pictures: bits of a sample, 8 or 16.
    pub depth: u32,
    /// Pictures: 1 if there is alpha; 0 from `wavern_probe`.
    pub has_alpha: u32,
    /// 1 if samples come back as they were.
    pub lossless: u32,
    /// Quality level as FORMAT.md counts it, of a sound that of the first segment.
    pub level: u32,
    /// Sounds: frames per second.
    pub sample_rate: u32,
    /// Sounds: a WavernSampleFormat, as which the samples are to be stored.
    pub sample_format: u32,
    /// Id of the weights in hexadecimal, ended by a 0 byte.
    pub weights: [c_char; 16],
}

// SAFETY: an even number of 32-bit integers and 16 bytes behind one of 64 bits.
unsafe impl Sized_ for WavernInfo {
    const NAME: &'static str = "WavernInfo";
    fn defaults() -> Self {
        Self {
            size: size_of::<Self>(),
            frames: 0,
            kind: 0,
            width: 0,
            height: 0,
            full_width: 0,
            full_height: 0,
            channels: 0,
            depth: 0,
            has_alpha: 0,
            lossless: 0,
            level: 0,
            sample_rate: 0,
            sample_format: WavernSampleFormat::WAVERN_SAMPLE_NONE as u32,
            weights: [0; 16],
        }
    }
}

/// What travels beside pixels and samples, kept byte for byte.
#[repr(C)]
#[derive(Clone, Copy)]
#[allow(non_camel_case_types, reason = "names of C")]
pub enum WavernMetadataKind {
    /// ICC profile. At most one.
    WAVERN_METADATA_ICC = 1,
    /// EXIF, from the TIFF header on. At most one.
    WAVERN_METADATA_EXIF = 2,
    /// XMP packet. At most one.
    WAVERN_METADATA_XMP = 3,
    /// Image resources of Photoshop, each beginning with 8BIM. At most one block.
    WAVERN_METADATA_IPTC = 4,
    /// Chunks of a PNG: four letters of the type, then the content.
    WAVERN_METADATA_PNG = 5,
    /// Chunks of a RIFF file: four letters, 32 bits of length, the content.
    WAVERN_METADATA_RIFF = 6,
    /// Metadata blocks of a FLAC: a byte of the type, then the content.
    WAVERN_METADATA_FLAC = 7,
}

/// What is damaged, as far as decoding has found.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct WavernDamage {
    /// Bytes of this struct.
    pub size: usize,
    /// Tiles of the picture, segments of the sound.
    pub parts: u64,
    /// Those of them that are lost.
    pub lost: u64,
    /// How many faults `wavern_decoder_fault` has words for.
    pub faults: u64,
}

// SAFETY: integers of 64 bits.
unsafe impl Sized_ for WavernDamage {
    const NAME: &'static str = "WavernDamage";
    fn defaults() -> Self {
        Self { size: size_of::<Self>(), parts: 0, lost: 0, faults: 0 }
    }
}

/// Reads from the first bytes of a file what it holds; 64 bytes suffice. WAVERN_ERROR_TRUNCATED asks for more.
/// `limits` may be NULL. Set `info->size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_probe(
    data: *const u8,
    size: usize,
    limits: *const WavernLimits,
    info: *mut WavernInfo,
    error: *mut WavernError,
) -> WavernStatus {
    let body = || {
        // SAFETY: the caller's pointers are NULL or valid.
        let (data, limits) = unsafe { (bytes(data, size, "data")?, options::limits(limits)?) };
        let text = || format!("the header needs more than the {size} bytes that are here");
        let code = WavernStatus::WAVERN_ERROR_TRUNCATED;
        let header = Header::probe(data, &limits)?.ok_or_else(|| Failure { code, text: text() })?;
        // SAFETY: NULL, or a struct that begins with its size.
        unsafe { fill(info, &WavernInfo::new(&header)) }
    };
    // SAFETY: `error` is NULL or valid.
    unsafe { call(error, body) }
}

/// Opens a file that lies in memory, where it must stay unchanged until the decoder is freed. Header, structure and
/// checksums are read; nothing is decoded. `options` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_new(
    data: *const u8,
    size: usize,
    options: *const WavernDecodeOptions,
    decoder: *mut *mut WavernDecoder,
    error: *mut WavernError,
) -> WavernStatus {
    // SAFETY: the caller's pointers are NULL or valid, and the data stay.
    let make = || unsafe { WavernDecoder::new(bytes(data, size, "data")?, options::decoding(options)?) };
    // SAFETY: as above.
    unsafe {
        clear(decoder);
        call(error, || hand_out(decoder, "decoder", make))
    }
}

/// Frees a decoder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_free(decoder: *mut WavernDecoder) {
    // SAFETY: NULL, or a handle that has not been freed.
    unsafe { free(decoder) };
}

/// What the file holds. Set `info->size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_info(
    decoder: *const WavernDecoder,
    info: *mut WavernInfo,
    error: *mut WavernError,
) -> WavernStatus {
    // SAFETY: NULL, or a handle, and a struct that begins with its size.
    unsafe { call(error, || fill(info, &look_at(decoder)?.info)) }
}

/// Block `index` of a kind of metadata, a WavernMetadataKind; NULL and 0 if there is none. It lies in the file.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_metadata(
    decoder: *const WavernDecoder,
    kind: u32,
    index: usize,
    data: *mut *const u8,
    size: *mut usize,
    error: *mut WavernError,
) -> WavernStatus {
    let body = || {
        if data.is_null() || size.is_null() {
            return Err(null("data or size"));
        }
        // SAFETY: not NULL, so they can be written.
        unsafe { (data.write(ptr::null()), size.write(0)) };
        let code = metadata_code(kind)?;
        // SAFETY: NULL, or a handle that has not been freed.
        let all = unsafe { look_at(decoder) }?.metadata.iter().filter(|(found, _)| *found == code);
        if let Some((_, block)) = all.into_iter().nth(index) {
            // SAFETY: as above.
            unsafe { (data.write(block.as_ptr()), size.write(block.len())) };
        }
        Ok(())
    };
    // SAFETY: `error` is NULL or valid.
    unsafe { call(error, body) }
}

/// What is damaged, after decoding with `allow_partial`. Set `damage->size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_damage(
    decoder: *const WavernDecoder,
    damage: *mut WavernDamage,
    error: *mut WavernError,
) -> WavernStatus {
    let body = || {
        // SAFETY: NULL, or a handle that has not been freed.
        let decoder = unsafe { look_at(decoder) }?;
        let (lost, faults) = decoder.damage();
        let size = size_of::<WavernDamage>();
        let found = WavernDamage { size, parts: decoder.parts, lost, faults: faults.len() as u64 };
        // SAFETY: NULL, or a struct that begins with its size.
        unsafe { fill(damage, &found) }
    };
    // SAFETY: `error` is NULL or valid.
    unsafe { call(error, body) }
}

/// The words for a fault, counted from 0, in place of the text of an error; `fault->code` is WAVERN_ERROR_FORMAT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_fault(
    decoder: *const WavernDecoder,
    index: u64,
    fault: *mut WavernError,
    error: *mut WavernError,
) -> WavernStatus {
    let body = || {
        if fault.is_null() {
            return Err(null("fault"));
        }
        // SAFETY: NULL, or a handle that has not been freed.
        let (_, faults) = unsafe { look_at(decoder) }?.damage();
        let text = usize::try_from(index).ok().and_then(|index| faults.get(index).cloned());
        let text = text.ok_or_else(|| Failure::argument(format!("fault {index} of {}", faults.len())))?;
        // SAFETY: not NULL, so it can be written.
        unsafe { call(fault, || Err(Failure { code: WavernStatus::WAVERN_ERROR_FORMAT, text })) };
        Ok(())
    };
    // SAFETY: `error` is NULL or valid.
    unsafe { call(error, body) }
}

/// Runs a call on a decoder of the right kind.
///
/// # Safety
/// As [`call_on`].
pub(crate) unsafe fn call_on_kind(
    decoder: *mut WavernDecoder,
    kind: WavernKind,
    error: *mut WavernError,
    body: impl FnOnce(&mut WavernDecoder) -> Result<(), Failure>,
) -> WavernStatus {
    let checked = |decoder: &mut WavernDecoder| {
        decoder.check_kind(kind)?;
        body(decoder)
    };
    // SAFETY: by the contract of this function.
    unsafe { call_on(decoder, error, checked) }
}

/// The chunk that holds a kind of metadata.
pub(crate) fn metadata_code(kind: u32) -> Result<ChunkCode, Failure> {
    Ok(match kind {
        1 => ChunkCode::ICC,
        2 => ChunkCode::EXIF,
        3 => ChunkCode::XMP,
        4 => ChunkCode::IPTC,
        5 => ChunkCode::PNG,
        6 => ChunkCode::RIFF,
        7 => ChunkCode::FLAC,
        other => {
            return Err(Failure::argument(format!("kind: {other} (expected a WavernMetadataKind)")));
        }
    })
}

impl WavernDecoder {
    fn new(file: &'static [u8], wanted: Decoding) -> Result<Self, Failure> {
        let Decoding { limits, options, view, allow_partial } = wanted;
        let decoder = Arc::new(Decoder::new(options)?);
        let container = open(file, &limits, allow_partial)?;
        let mut info = WavernInfo::new(container.header());
        match container.header() {
            Header::Image(header) => {
                let alpha = u32::from(container.alpha().is_some());
                (info.channels, info.has_alpha) = (info.channels + alpha, alpha);
                (info.width, info.height) = viewed(header, view)?;
            }
            Header::Audio(_) => info.frames = container.frames().unwrap_or(crate::WAVERN_FRAMES_UNKNOWN),
        }
        let metadata = container.metadata().chunks().iter().map(|chunk| (chunk.code, chunk.payload));
        Ok(Self {
            broken: false,
            reading: Reading::new(decoder.clone(), file, allow_partial),
            metadata: metadata.collect(),
            parts: container.tile_count() as u64,
            found: (0, container.damage().iter().map(ToString::to_string).collect()),
            decoder,
            file,
            view,
            allow_partial,
            info,
        })
    }

    /// Refuses a call for the other kind.
    pub(crate) fn check_kind(&self, kind: WavernKind) -> Result<(), Failure> {
        if self.info.kind == kind as u32 {
            return Ok(());
        }
        let text = match kind {
            WAVERN_KIND_IMAGE => "the file holds a sound, not a picture",
            WAVERN_KIND_AUDIO => "the file holds a picture, not a sound",
        };
        Err(Failure { code: WavernStatus::WAVERN_ERROR_KIND, text: text.into() })
    }

    /// Parts that are lost, and faults in words.
    fn damage(&self) -> (u64, Vec<String>) {
        self.reading.damage().unwrap_or_else(|| self.found.clone())
    }
}

fn open<'a>(file: &'a [u8], limits: &Limits, allow_partial: bool) -> Result<Container<'a>, Failure> {
    let container = match allow_partial {
        true => Container::parse_damaged(file, limits),
        false => Container::parse(file, limits),
    };
    Ok(container?)
}

/// Width and height of what a view shows.
fn viewed(header: &ImageHeader, view: View) -> Result<(u32, u32), Failure> {
    let whole = Region { x: 0, y: 0, width: header.width, height: header.height };
    let area = view.region.unwrap_or(whole);
    let side = |from: u32, length: u32, whole: u32| {
        let end = from.checked_add(length).filter(|&end| length > 0 && end <= whole)?;
        Some(end.div_ceil(1 << view.scale.log2()) - (from >> view.scale.log2()))
    };
    let width = side(area.x, area.width, whole.width);
    let height = side(area.y, area.height, whole.height);
    width.zip(height).ok_or_else(|| {
        let Region { x, y, width, height } = area;
        let text = format!("region: {width} x {height} pixels at {x}, {y}");
        Failure::argument(format!("{text} (expected a part of {} x {})", whole.width, whole.height))
    })
}

impl WavernInfo {
    /// What the header says.
    fn new(header: &Header) -> Self {
        let mut info = Self::defaults();
        info.level = header.level().into();
        info.lossless = header.is_lossless().into();
        let weights = header.weights().to_string();
        let letters = info.weights.iter_mut().take(15).zip(weights.bytes());
        letters.for_each(|(out, byte)| *out = byte as c_char);
        match header {
            Header::Image(header) => {
                info.kind = WAVERN_KIND_IMAGE as u32;
                (info.width, info.height) = (header.width, header.height);
                (info.full_width, info.full_height) = (header.width, header.height);
                info.channels = if header.color == Color::Gray { 1 } else { 3 };
                info.depth = header.depth.bits().into();
            }
            Header::Audio(header) => {
                info.kind = WAVERN_KIND_AUDIO as u32;
                (info.sample_rate, info.channels) = (header.sample_rate, header.channels);
                info.sample_format = samples::of_library(header.format) as u32;
            }
        }
        info
    }
}
