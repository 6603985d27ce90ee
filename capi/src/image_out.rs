//! Pictures out of a file: into a buffer of the caller, or rows to a callback.

use crate::abi::{Sized_, WavernError, call, fill, look_at, null, read};
use crate::decoder::{WavernDecoder, WavernKind::WAVERN_KIND_IMAGE, call_on_kind};
use crate::pixels::{Layout, WavernLayout};
use crate::relay::{Questions, serve};
use crate::status::{Failure, WavernStatus};
use std::ffi::{c_int, c_void};
use std::mem::size_of;
use wavern::rows::{PictureInfo, Pixels, WriteRows};
use wavern::{Color, Error, Image, Samples};

// SAFETY: two integers of the size of a pointer, then four of 32 bits.
unsafe impl Sized_ for WavernLayout {
    const NAME: &'static str = "WavernLayout";
    fn defaults() -> Self {
        Self { size: size_of::<Self>(), stride: 0, width: 0, height: 0, channels: 0, depth: 0 }
    }
}

/// Takes `count` rows, of which `first` is the number of the first; they are there until it returns. What it returns
/// other than 0 stops the call with WAVERN_ERROR_STOPPED.
pub type WavernWriteRows = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        rows: *const c_void,
        first: u32,
        count: u32,
        stride: usize,
    ) -> c_int,
>;

/// The layout that the pixels have by themselves, without gaps. Set `layout->size`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_layout(
    decoder: *const WavernDecoder,
    layout: *mut WavernLayout,
    error: *mut WavernError,
) -> WavernStatus {
    let body = || {
        // SAFETY: NULL, or a handle that has not been freed.
        let decoder = unsafe { look_at(decoder) }?;
        decoder.check_kind(WAVERN_KIND_IMAGE)?;
        // SAFETY: NULL, or a struct that begins with its size.
        unsafe { fill(layout, &decoder.own_layout()) }
    };
    // SAFETY: `error` is NULL or valid.
    unsafe { call(error, body) }
}

/// Decodes a picture into `pixels`, which has `bytes` bytes. `layout` says how it is to lie there; NULL: as
/// `wavern_decoder_layout` does. Width and height are those of WavernInfo; channels and depth may be others, except
/// that colour does not become gray: alpha that is missing is opaque, and without channel it is left out. After an
/// error the buffer may hold some rows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_decode_image(
    decoder: *mut WavernDecoder,
    layout: *const WavernLayout,
    pixels: *mut c_void,
    bytes: usize,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |decoder: &mut WavernDecoder| {
        if pixels.is_null() {
            return Err(null("pixels"));
        }
        // SAFETY: NULL, or a struct that begins with its size.
        let layout = unsafe { decoder.layout(layout) }?;
        layout.check_buffer(bytes)?;
        decoder.rows(layout, |first, _, data| {
            let place = first as usize * layout.stride;
            for (row, data) in data.bytes().chunks_exact(layout.row).enumerate() {
                // SAFETY: rows are numbered below the height, and the buffer has room for all of them.
                unsafe {
                    pixels.cast::<u8>().add(place + row * layout.stride).copy_from(data.as_ptr(), data.len())
                };
            }
            Ok(())
        })
    };
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on_kind(decoder, WAVERN_KIND_IMAGE, error, body) }
}

/// Decodes a picture row by row, in memory that grows with its width, not with its height, except for alpha and with
/// `allow_partial`. `layout` as for `wavern_decoder_decode_image`, without its stride: rows have no gaps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_decoder_decode_rows(
    decoder: *mut WavernDecoder,
    layout: *const WavernLayout,
    write: WavernWriteRows,
    user: *mut c_void,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |decoder: &mut WavernDecoder| {
        let write = write.ok_or_else(|| null("write"))?;
        // SAFETY: NULL, or a struct that begins with its size.
        let layout = unsafe { decoder.layout(layout) }?;
        decoder.rows(layout, |first, count, data| {
            // SAFETY: a function of the caller for this purpose, on the caller's thread.
            match unsafe { write(user, data.pointer(), first, count, layout.row) } {
                0 => Ok(()),
                value => Err(Failure::stopped("write", value)),
            }
        })
    };
    // SAFETY: NULL, or a handle that nobody else uses.
    unsafe { call_on_kind(decoder, WAVERN_KIND_IMAGE, error, body) }
}

/// Samples as C sees them.
struct Data(Samples);

impl Data {
    fn pointer(&self) -> *const c_void {
        match &self.0 {
            Samples::U8(samples) => samples.as_ptr().cast(),
            Samples::U16(samples) => samples.as_ptr().cast(),
        }
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Samples::U8(samples) => samples,
            // SAFETY: integers without padding, and every byte is a value.
            Samples::U16(samples) => unsafe {
                std::slice::from_raw_parts(samples.as_ptr().cast(), samples.len() * 2)
            },
        }
    }
}

/// What the decoder has for the thread of the caller.
enum Part {
    Begin(PictureInfo),
    Rows(Samples),
}

/// Passes rows on.
struct Sink {
    questions: Questions<Part>,
    depth: u8,
}

impl WriteRows for Sink {
    fn begin(&mut self, picture: PictureInfo) -> Result<(), Error> {
        self.depth = picture.depth;
        self.questions.ask(Part::Begin(picture))
    }

    fn write(&mut self, rows: Pixels<'_>) -> Result<(), Error> {
        let mut samples = if self.depth == 8 { Samples::U8(Vec::new()) } else { Samples::U16(Vec::new()) };
        rows.append_to(&mut samples);
        self.questions.ask(Part::Rows(samples))
    }
}

impl WavernDecoder {
    fn own_layout(&self) -> WavernLayout {
        let crate::WavernInfo { width, height, channels, depth, .. } = self.info;
        WavernLayout { width, height, channels, depth, ..WavernLayout::defaults() }
    }

    fn color(&self) -> Color {
        if self.info.channels < 3 { Color::Gray } else { Color::Rgb }
    }

    /// How the caller wants the pixels.
    ///
    /// # Safety
    /// As [`read`].
    unsafe fn layout(&self, given: *const WavernLayout) -> Result<Layout, Failure> {
        // SAFETY: by the contract of this function.
        let given = if given.is_null() { self.own_layout() } else { unsafe { read(given) }? };
        let layout = Layout::new(&given)?;
        let (width, height) = (self.info.width, self.info.height);
        if (layout.width, layout.height) != (width, height) {
            let text = format!("layout of {} x {} pixels", layout.width, layout.height);
            return Err(Failure::argument(format!("{text} (expected {width} x {height})")));
        }
        layout.check_color(self.color())?;
        Ok(layout)
    }

    /// Decodes, and gives all rows of this layout in order: number of the first, how many, samples.
    fn rows(
        &mut self,
        layout: Layout,
        mut give: impl FnMut(u32, u32, &Data) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.allow_partial {
            let (image, damage) = self.decoder.decode_partial(self.file, self.view)?;
            let faults = damage.faults.iter().map(ToString::to_string);
            let tiles = damage.tiles.iter().map(|tile| format!("tile {}: {}", tile.index, tile.error));
            self.found = (damage.tiles.len() as u64, faults.chain(tiles).collect());
            let mut rows = Rows::new(layout, PictureInfo::from(&image))?;
            return give_image(&image, &mut rows, give);
        }
        let (decoder, file, view) = (&*self.decoder, self.file, self.view);
        let mut rows = None;
        serve(
            |questions| decoder.decode_rows(file, view, &mut Sink { questions, depth: 8 }),
            |part| match (part, &mut rows) {
                (Part::Begin(picture), rows) => {
                    *rows = Some(Rows::new(layout, picture)?);
                    Ok(())
                }
                (Part::Rows(samples), Some(rows)) => rows.next(Pixels::from(&samples), &mut give),
                (Part::Rows(_), None) => Err(Failure::internal("rows before the picture")),
            },
        )?;
        match rows {
            Some(rows) if rows.done == layout.height => Ok(()),
            _ => Err(Failure::internal("rows are missing")),
        }
    }
}

/// A picture in memory, some rows at a time.
fn give_image(
    image: &Image,
    rows: &mut Rows,
    mut give: impl FnMut(u32, u32, &Data) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let row = image.width() as usize * image.color().channels();
    let all = Pixels::from(image.samples());
    let some = row * ((1 << 20) / row).max(1);
    let mut starts = (0..all.len()).step_by(some);
    starts.try_for_each(|at| rows.next(all.part(at..all.len().min(at + some)), &mut give))
}

/// Rows on their way into a layout.
struct Rows {
    layout: Layout,
    picture: PictureInfo,
    done: u32,
}

impl Rows {
    fn new(layout: Layout, picture: PictureInfo) -> Result<Self, Failure> {
        // The caller's buffer is of the size that was said before.
        if (picture.width, picture.height) != (layout.width, layout.height) {
            return Err(Failure::internal("the picture has another size than its header"));
        }
        layout.check_color(picture.color)?;
        Ok(Self { layout, picture, done: 0 })
    }

    fn next(
        &mut self,
        pixels: Pixels<'_>,
        give: &mut impl FnMut(u32, u32, &Data) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (row, width) = (self.picture.row(), self.picture.width as usize);
        let count = (pixels.len() / row) as u32;
        if count > self.layout.height - self.done {
            return Err(Failure::internal("more rows than the picture has"));
        }
        let first = self.done as usize;
        let alpha = self.picture.alpha.as_ref();
        let alpha =
            alpha.map(|plane| Pixels::from(plane).part(first * width..(first + count as usize) * width));
        let data = Data(self.layout.compose(pixels, self.picture.color, alpha));
        give(self.done, count, &data)?;
        self.done += count;
        Ok(())
    }
}
