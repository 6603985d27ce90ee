//! Pictures into a file: out of a buffer of the caller, or rows from a callback.

use crate::abi::{WavernBuffer, WavernError, buffer, bytes, call_on, clear, hand_out, read};
use crate::encoder::{WavernEncoder, present};
use crate::pixels::{Layout, WavernLayout};
use crate::relay::{Questions, serve};
use crate::status::{Failure, WavernStatus};
use std::ffi::{c_int, c_void};
use std::sync::mpsc::{SyncSender, sync_channel};
use wavern::rows::{PictureInfo, Pixels, ReadRows};
use wavern::{Error, Image, Samples};

/// Fills `count` rows, of which `first` is the number of the first. What it returns other than 0 stops the call with
/// WAVERN_ERROR_STOPPED.
pub type WavernReadRows = Option<
    unsafe extern "C" fn(
        user: *mut c_void,
        rows: *mut c_void,
        first: u32,
        count: u32,
        stride: usize,
    ) -> c_int,
>;

/// Encodes the picture in `pixels`, which has `bytes` bytes and is laid out as `layout` says. The file is handed out.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_encode_image(
    encoder: *mut WavernEncoder,
    layout: *const WavernLayout,
    pixels: *const c_void,
    bytes: usize,
    file: *mut *mut WavernBuffer,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |encoder: &mut WavernEncoder| {
        encoder.check_idle()?;
        // SAFETY: NULL, or a struct that begins with its size.
        let layout = Layout::new(&unsafe { read(layout) }?)?;
        layout.check_buffer(bytes)?;
        // SAFETY: NULL, or as many bytes, which are there during the call.
        let pixels = unsafe { self::bytes(pixels.cast(), layout.bytes, "pixels") }?;
        let samples = layout.gather(pixels);
        // SAFETY: NULL, or a place for a pointer.
        unsafe { hand_out(file, "file", || encoder.whole(&layout, samples).map(buffer)) }
    };
    // SAFETY: NULL, or a place for a pointer, and a handle that nobody else uses.
    unsafe {
        clear(file);
        call_on(encoder, error, body)
    }
}

/// Encodes a picture whose rows come from a callback, in order. Beside the file, memory grows with the width, not with
/// the height, except with alpha, an effort above 1 or a target, for which all rows are read first. Of `layout` the
/// stride is not used: rows have no gaps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn wavern_encoder_encode_rows(
    encoder: *mut WavernEncoder,
    layout: *const WavernLayout,
    read_rows: WavernReadRows,
    user: *mut c_void,
    file: *mut *mut WavernBuffer,
    error: *mut WavernError,
) -> WavernStatus {
    let body = |encoder: &mut WavernEncoder| {
        encoder.check_idle()?;
        let function = present(read_rows, "read_rows")?;
        // SAFETY: NULL, or a struct that begins with its size.
        let given = unsafe { read(layout) }?;
        let layout = Layout::new(&WavernLayout { stride: 0, ..given })?;
        let fill = |first: u32, count: u32, rows: *mut c_void| {
            // SAFETY: a function of the caller for this purpose, on the caller's thread.
            match unsafe { function(user, rows, first, count, layout.row) } {
                0 => Ok(()),
                value => Err(Failure::stopped("read_rows", value)),
            }
        };
        // SAFETY: NULL, or a place for a pointer.
        unsafe { hand_out(file, "file", || encoder.rows(&layout, fill).map(buffer)) }
    };
    // SAFETY: NULL, or a place for a pointer, and a handle that nobody else uses.
    unsafe {
        clear(file);
        call_on(encoder, error, body)
    }
}

/// Rows that the encoder wants: number of the first, how many, and where to send them.
struct Wanted {
    first: u32,
    count: u32,
    answer: SyncSender<Samples>,
}

/// Rows from the thread of the caller.
struct Source {
    questions: Questions<Wanted>,
    done: u32,
    rows: Samples,
}

impl ReadRows for Source {
    fn read(&mut self, count: usize) -> Result<Pixels<'_>, Error> {
        let (answer, answered) = sync_channel(1);
        self.questions.ask(Wanted { first: self.done, count: count as u32, answer })?;
        self.rows = answered.recv().map_err(|_| Error::Rows("nobody answers".into()))?;
        self.done += count as u32;
        Ok(Pixels::from(&self.rows))
    }
}

impl WavernEncoder {
    /// The file of a picture in memory.
    fn whole(&self, layout: &Layout, samples: Samples) -> Result<Vec<u8>, Failure> {
        let (color, alpha) = layout.split(samples);
        let image = Image::new(layout.width, layout.height, layout.color(), color).map_err(Error::from)?;
        let mut image = match alpha {
            Some(alpha) => image.with_alpha(alpha).map_err(Error::from)?,
            None => image,
        };
        if self.extend_hidden {
            image = image.with_hidden_colors_extended();
        }
        let image = image.with_metadata(self.metadata.clone());
        self.picture(|encoder| Ok(encoder.encode_image(&image)?.bytes))
    }

    /// The file of a picture whose rows `fill` brings.
    fn rows(
        &self,
        layout: &Layout,
        mut fill: impl FnMut(u32, u32, *mut c_void) -> Result<(), Failure>,
    ) -> Result<Vec<u8>, Failure> {
        let mut rows = |first, count| {
            let mut samples = room(layout, count)?;
            let place = match &mut samples {
                Samples::U8(samples) => samples.as_mut_ptr().cast(),
                Samples::U16(samples) => samples.as_mut_ptr().cast(),
            };
            fill(first, count, place)?;
            Ok::<_, Failure>(samples)
        };
        if layout.has_alpha() {
            let samples = rows(0, layout.height)?;
            return self.whole(layout, samples);
        }
        let mut info = PictureInfo::new(layout.width, layout.height, layout.color(), layout.depth);
        info.metadata = self.metadata.clone();
        self.picture(|encoder| {
            let work = |questions| {
                let mut source = Source { questions, done: 0, rows: Samples::U8(Vec::new()) };
                encoder.encode_rows(&info, &mut source).map(|encoded| encoded.bytes)
            };
            serve(work, |Wanted { first, count, answer }| {
                // Nobody takes them if the encoder has ended with an error, which is then the result.
                let _ = answer.send(rows(first, count)?);
                Ok(())
            })
        })
    }
}

/// Zeros for some rows, if the system has room for them.
fn room(layout: &Layout, count: u32) -> Result<Samples, Failure> {
    fn zeros<T: Clone + Default>(length: usize) -> Result<Vec<T>, Failure> {
        let mut zeros = Vec::new();
        let reserved = zeros.try_reserve_exact(length);
        reserved.map_err(|error| Failure::system(format!("{length} samples: {error}")))?;
        zeros.resize(length, T::default());
        Ok(zeros)
    }
    let bytes = layout.row * count as usize;
    match layout.depth {
        8 => zeros(bytes).map(Samples::U8),
        _ => zeros(bytes / 2).map(Samples::U16),
    }
}
