//! Files → latents: integers or what the synthesis takes, channels first or last, sounds in order of frequency.

use crate::arrays;
use crate::batch;
use crate::decode::{self, header_fields};
use crate::error::Failure;
use crate::models;
use crate::options;
use crate::pool;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyDict, PyList};
use std::sync::Arc;
use wavern::internals::array::{Symbols, Tensor};
use wavern::internals::envelope::{SIGNALS, channel_of};
use wavern::internals::quality::Level;
use wavern::internals::sound;
use wavern::{Decoder, Latents, Limits, Weights, Window};
use wavern_bitstream::{AudioHeader, Container, Header};

/// `wavern._options.LatentOptions`.
#[derive(Debug, FromPyObject)]
pub struct Wanted {
    dtype: String,
    channels_last: bool,
    /// Of a picture row, column, rows and columns of ŷ; of a sound the first frame of ŷ, and how many.
    crop: Option<Vec<usize>>,
    limits: Vec<(String, u64)>,
    threads: Option<usize>,
}

/// How the values come, and which.
#[derive(Debug)]
struct Wish {
    kind: Type,
    /// Whether channels are innermost.
    last: bool,
    crop: Option<Vec<usize>>,
}

/// What a value of ŷ becomes.
#[derive(Clone, Copy, Debug)]
enum Type {
    I8,
    I16,
    I32,
    F32,
}

impl Wanted {
    fn wish(&self) -> Result<Wish, Failure> {
        let kind = match &*self.dtype {
            "int8" => Type::I8,
            "int16" => Type::I16,
            "int32" => Type::I32,
            "float32" => Type::F32,
            other => {
                let problem = format!("{other:?} (expected int8, int16, int32 or float32)");
                return Err(Failure::option("dtype", problem));
            }
        };
        Ok(Wish { kind, last: self.channels_last, crop: self.crop.clone() })
    }
}

impl Wish {
    /// The positions of ŷ that are wanted of a file; `None` for all.
    fn window(&self, header: &Header) -> Result<Option<Window>, Failure> {
        let expected = match (self.crop.as_deref(), header) {
            (None, _) => return Ok(None),
            (Some(&[row, column, rows, columns]), Header::Image(_)) => {
                return Ok(Some(Window { row, column, rows, columns }));
            }
            (Some(&[column, columns]), Header::Audio(_)) => {
                return Ok(Some(Window { row: 0, column, rows: 1, columns }));
            }
            (Some(_), Header::Image(_)) => "row, column, rows and columns for a picture",
            (Some(_), Header::Audio(_)) => "the first frame and the number of frames for a sound",
        };
        let count = self.crop.as_ref().map_or(0, Vec::len);
        Err(Failure::option("crop", format!("{count} numbers (expected {expected})")))
    }
}

/// Values of ŷ.
enum Values {
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    F32(Vec<f32>),
}

/// Latents as they leave this module.
struct Arranged {
    header: Header,
    y: (Vec<usize>, Values),
    z: (Vec<usize>, Vec<i32>),
    /// Of a sound: the frames of the transform that each position of ẑ belongs to.
    spans: Option<(Vec<usize>, Vec<i32>)>,
    gains: Option<Vec<f32>>,
    clipped: usize,
    /// Rows and columns of pixels, or 1 and frames, per position of ŷ; positions of ŷ per position of ẑ.
    strides: [[usize; 2]; 2],
    /// The first row and column of ŷ.
    origin: [usize; 2],
}

/// What one file needs: its header, its weights, what decodes it.
type Job = (Header, Arc<Weights>, Decoder);

/// The latents of a file.
#[pyfunction]
pub fn latents<'py>(py: Python<'py>, bytes: PyBackedBytes, options: Wanted) -> PyResult<Bound<'py, PyDict>> {
    let (wish, limits) = (options.wish()?, options::limits(&options.limits)?);
    let job = job(py, &bytes, limits)??;
    let arranged = pool::run(py, options.threads, || (), move |_| one(&job, &bytes, &limits, &wish))?;
    fields(py, arranged?)
}

/// The latents of many files, at once: a dictionary or an exception for each.
#[pyfunction]
pub fn latents_batch<'py>(
    py: Python<'py>,
    files: Vec<PyBackedBytes>,
    options: Wanted,
) -> PyResult<Bound<'py, PyList>> {
    let (wish, limits) = (options.wish()?, options::limits(&options.limits)?);
    batch::run(
        py,
        &files,
        options.threads,
        |bytes| job(py, bytes, limits),
        |job, bytes| one(job, bytes, &limits, &wish),
        |arranged| fields(py, arranged),
    )
}

fn job(py: Python<'_>, bytes: &[u8], limits: Limits) -> PyResult<Result<Job, Failure>> {
    let header = match decode::header(bytes, &limits) {
        Ok(header) => header,
        Err(failure) => return Ok(Err(failure)),
    };
    let kind = if matches!(header, Header::Image(_)) { wavern::Kind::Image } else { wavern::Kind::Audio };
    let decoder = decode::decoder(py, Some(&header), limits, false)?;
    let Some(weights) = models::decoding(py, kind, header.weights(), false)? else {
        // It says what is missing.
        let missing =
            decoder.latents(bytes).err().map_or_else(|| Failure::internal("weights"), Failure::from);
        return Ok(Err(missing));
    };
    Ok(Ok((header, weights, decoder)))
}

fn one(
    (header, weights, decoder): &Job,
    bytes: &[u8],
    limits: &Limits,
    wish: &Wish,
) -> Result<Arranged, Failure> {
    let window = wish.window(header)?;
    let groups = match window {
        Some(window) => decoder.latents_window(bytes, window),
        None => decoder.latents(bytes),
    }
    .map_err(|error| match error {
        wavern::Error::Option { option: "window", problem } => Failure::option("crop", problem),
        error => error.into(),
    })?;
    let arranged = match header {
        Header::Image(_) => {
            let latents = groups.first().ok_or_else(|| Failure::internal("no latents"))?;
            picture(*header, latents, weights, wish)
        }
        Header::Audio(audio) => {
            let levels = match wish.kind {
                Type::F32 => levels(&Container::parse(bytes, limits)?, audio, weights, window),
                _ => Vec::new(),
            };
            sound_arrays(*header, audio, &groups, &levels, weights, wish)
        }
    };
    Ok(Arranged { origin: window.map_or([0; 2], Window::origin), ..arranged })
}

/// `[channels, rows, columns]` or `[rows, columns, channels]`.
fn picture(header: Header, latents: &Latents, weights: &Weights, wish: &Wish) -> Arranged {
    let &Wish { kind: wanted, last, .. } = wish;
    let level = Level(header.level());
    let arrange = |[rows, columns, channels]: [usize; 3]| {
        let shape = if last { vec![rows, columns, channels] } else { vec![channels, rows, columns] };
        (shape, Order::Picture { positions: rows * columns, channels, last })
    };
    let (shape, order) = arrange(latents.y.shape());
    let dequantized = matches!(wanted, Type::F32).then(|| latents.dequantized(level, weights));
    let mut clipped = 0;
    let values = order.values(&latents.y, dequantized.as_ref(), wanted, &mut clipped);
    let (z_shape, z_order) = arrange(latents.z.shape());
    // What ŷ = 1 is, without residuals.
    let gains = ones(latents.y.shape()[2]).dequantized(level, weights).into_vec();
    let z = z_order.arranged(latents.z.data(), |symbol| symbol);
    Arranged {
        header,
        y: (shape, values),
        z: (z_shape, z),
        spans: None,
        gains: Some(gains),
        clipped,
        strides: strides(weights),
        origin: [0; 2],
    }
}

fn strides(weights: &Weights) -> [[usize; 2]; 2] {
    [weights.config().signal_stride(), weights.config().hyper_stride()]
}

/// Latents of one position, all 1.
fn ones(channels: usize) -> Latents {
    Latents {
        y: Symbols::filled([1, 1, channels], 1),
        z: Symbols::zeros([1, 1, 0]),
        residual: wavern::Array::zeros([1, 1, 0]),
    }
}

/// `[groups, signals, bands, frames]` or `[groups, frames, signals, bands]`; a group of one channel has one signal.
fn sound_arrays(
    header: Header,
    audio: &AudioHeader,
    groups: &[Latents],
    levels: &[(usize, Level)],
    weights: &Weights,
    wish: &Wish,
) -> Arranged {
    let &Wish { kind: wanted, last, .. } = wish;
    let signals = if audio.channels == 2 { SIGNALS } else { 1 };
    let arrange = |[_, frames, stride]: [usize; 3], interleaved: bool| {
        // ẑ may have a channel more, the codes of spans.
        let bands = stride / SIGNALS;
        let count = groups.len();
        let shape = if last { [count, frames, signals, bands] } else { [count, signals, bands, frames] };
        (shape.to_vec(), Order::Sound { frames, signals, bands, stride, last, interleaved })
    };
    let none = [0; 3];
    let (shape, order) = arrange(groups.first().map_or(none, |group| group.y.shape()), true);
    let (z_shape, z_order) = arrange(groups.first().map_or(none, |group| group.z.shape()), false);
    let (mut clipped, mut y, mut z, mut spans) = (0, order.empty(wanted), Vec::new(), Vec::new());
    for group in groups {
        let dequantized = matches!(wanted, Type::F32).then(|| at_levels(group, levels, weights));
        y.append(order.values(&group.y, dequantized.as_ref(), wanted, &mut clipped));
        z.append(&mut z_order.arranged(group.z.data(), |symbol| symbol));
        spans.extend(transforms(&group.z, weights));
    }
    let positions = groups.first().map_or(0, |group| group.z.shape()[1]);
    Arranged {
        header,
        y: (shape, y),
        z: (z_shape, z),
        spans: Some((vec![groups.len(), positions], spans)),
        gains: None,
        clipped,
        strides: strides(weights),
        origin: [0; 2],
    }
}

/// For each position of ẑ, the frames of the transform that its frames belong to: 1 if each has its own.
fn transforms(z: &Symbols, weights: &Weights) -> Vec<i32> {
    let [_, positions, channels] = z.shape();
    let spans = weights.config().envelope.as_ref().map_or(&[][..], |envelope| &envelope.spans);
    let length = |position: usize| {
        let code = usize::try_from(z.data()[(position + 1) * channels - 1]).unwrap_or(0);
        code.checked_sub(1).and_then(|index| spans.get(index)).map_or(1, |&span| span as i32)
    };
    (0..positions).map(|position| if spans.is_empty() { 1 } else { length(position) }).collect()
}

/// Frames of packets and level of every segment, as far as they lie in a window.
fn levels(
    container: &Container<'_>,
    header: &AudioHeader,
    weights: &Weights,
    window: Option<Window>,
) -> Vec<(usize, Level)> {
    let columns = window.map_or(0..usize::MAX, Window::column_range);
    let mut first = 0;
    let segments = container.segments().iter().map(|segment| {
        let end = first + sound::positions(header, segment.last, weights.config());
        let inside = end.min(columns.end).saturating_sub(first.max(columns.start));
        first = end;
        (inside, Level(segment.level))
    });
    segments.filter(|(inside, _)| *inside > 0).collect()
}

/// ŷ of a sound over the gains of each segment's level.
fn at_levels(group: &Latents, levels: &[(usize, Level)], weights: &Weights) -> Tensor {
    let [_, frames, channels] = group.y.shape();
    let (mut values, mut first) = (Vec::with_capacity(frames * channels), 0);
    for &(count, level) in levels {
        let cut = |data: &[i32]| data[first * channels..][..count * channels].to_vec();
        let residuals = group.residual.shape()[2];
        let part = Latents {
            y: Symbols::from_vec([1, count, channels], cut(group.y.data())),
            z: Symbols::zeros([1, 0, 0]),
            residual: wavern::Array::from_vec(
                [1, count, residuals],
                group.residual.data()[first * residuals..][..count * residuals].to_vec(),
            ),
        };
        values.extend(part.dequantized(level, weights).into_vec());
        first += count;
    }
    Tensor::from_vec([1, frames, channels], values)
}

/// From the order of the library, channels innermost, to the one that is wanted.
#[derive(Clone, Copy)]
enum Order {
    Picture { positions: usize, channels: usize, last: bool },
    Sound { frames: usize, signals: usize, bands: usize, stride: usize, last: bool, interleaved: bool },
}

/// Positions that are moved together, so that what is read stays in the cache.
const BLOCK: usize = 16;

impl Order {
    fn arranged<S: Copy, T: Copy + Default>(self, from: &[S], convert: impl Fn(S) -> T) -> Vec<T> {
        match self {
            Self::Picture { last: true, .. } => from.iter().map(|&value| convert(value)).collect(),
            Self::Picture { positions, channels, last: false } => {
                let mut out = vec![T::default(); from.len()];
                for first in (0..positions).step_by(BLOCK) {
                    let end = (first + BLOCK).min(positions);
                    for channel in 0..channels {
                        let out = &mut out[channel * positions..][first..end];
                        for (out, at) in out.iter_mut().zip(first..end) {
                            *out = convert(from[at * channels + channel]);
                        }
                    }
                }
                out
            }
            Self::Sound { frames, signals, bands, stride, last, interleaved } => {
                let mut out = vec![T::default(); frames * signals * bands];
                for (frame, row) in from.chunks_exact(stride.max(1)).enumerate() {
                    for signal in 0..signals {
                        for band in 0..bands {
                            let at = if interleaved {
                                channel_of(signal, band, bands)
                            } else {
                                signal * bands + band
                            };
                            let to = match last {
                                true => (frame * signals + signal) * bands + band,
                                false => (signal * bands + band) * frames + frame,
                            };
                            out[to] = convert(row[at]);
                        }
                    }
                }
                out
            }
        }
    }

    fn empty(self, wanted: Type) -> Values {
        match wanted {
            Type::I8 => Values::I8(Vec::new()),
            Type::I16 => Values::I16(Vec::new()),
            Type::I32 => Values::I32(Vec::new()),
            Type::F32 => Values::F32(Vec::new()),
        }
    }

    /// ŷ in a type, and how many values do not fit it.
    fn values(self, y: &Symbols, dequantized: Option<&Tensor>, wanted: Type, clipped: &mut usize) -> Values {
        let y = y.data();
        let mut outside = |least: i32, most: i32| {
            *clipped += y.iter().filter(|symbol| !(least..=most).contains(symbol)).count();
        };
        match (wanted, dequantized) {
            (Type::I8, _) => {
                let (least, most) = (i8::MIN.into(), i8::MAX.into());
                outside(least, most);
                Values::I8(self.arranged(y, |symbol| symbol.clamp(least, most) as i8))
            }
            (Type::I16, _) => {
                let (least, most) = (i16::MIN.into(), i16::MAX.into());
                outside(least, most);
                Values::I16(self.arranged(y, |symbol| symbol.clamp(least, most) as i16))
            }
            (Type::F32, Some(tensor)) => Values::F32(self.arranged(tensor.data(), |value| value)),
            (Type::I32 | Type::F32, _) => Values::I32(self.arranged(y, |symbol| symbol)),
        }
    }
}

impl Values {
    fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::I8(all), Self::I8(mut part)) => all.append(&mut part),
            (Self::I16(all), Self::I16(mut part)) => all.append(&mut part),
            (Self::I32(all), Self::I32(mut part)) => all.append(&mut part),
            (Self::F32(all), Self::F32(mut part)) => all.append(&mut part),
            _ => debug_assert!(false, "groups of one type"),
        }
    }
}

fn fields(py: Python<'_>, arranged: Arranged) -> PyResult<Bound<'_, PyDict>> {
    let fields = header_fields(py, &arranged.header)?;
    let (shape, values) = arranged.y;
    let y = match values {
        Values::I8(values) => arrays::array(py, &shape, values)?,
        Values::I16(values) => arrays::array(py, &shape, values)?,
        Values::I32(values) => arrays::array(py, &shape, values)?,
        Values::F32(values) => arrays::array(py, &shape, values)?,
    };
    fields.set_item("y", y)?;
    fields.set_item("z", arrays::array(py, &arranged.z.0, arranged.z.1)?)?;
    let spans = arranged.spans.map(|(shape, values)| arrays::array(py, &shape, values)).transpose()?;
    fields.set_item("spans", spans)?;
    let gains = arranged.gains.map(|gains| arrays::array(py, &[gains.len()], gains)).transpose()?;
    fields.set_item("gains", gains)?;
    fields.set_item("clipped", arranged.clipped)?;
    fields.set_item("stride", arranged.strides[0])?;
    fields.set_item("hyper_stride", arranged.strides[1])?;
    fields.set_item("origin", arranged.origin)?;
    Ok(fields)
}
