//! Arrays of NumPy as signals of the library, and back.

use crate::error::Failure;
use numpy::{Element, IntoPyArray as _, PyArrayDyn, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList};
use wavern::{Audio, Color, Image, Metadata, SampleFormat, Samples};

/// `wavern.Metadata`.
#[derive(Debug, FromPyObject)]
pub struct Beside {
    icc: Option<Vec<u8>>,
    exif: Option<Vec<u8>>,
    xmp: Option<Vec<u8>>,
    iptc: Option<Vec<u8>>,
    png: Vec<Vec<u8>>,
    riff: Vec<Vec<u8>>,
    flac: Vec<Vec<u8>>,
}

impl From<Beside> for Metadata {
    fn from(beside: Beside) -> Self {
        let mut metadata = Self::default();
        metadata.icc = beside.icc;
        metadata.exif = beside.exif;
        metadata.xmp = beside.xmp;
        metadata.iptc = beside.iptc;
        metadata.png = beside.png;
        metadata.riff = beside.riff;
        metadata.flac = beside.flac;
        metadata
    }
}

/// Metadata as keyword arguments of `wavern.Metadata`.
pub fn metadata_fields<'py>(py: Python<'py>, metadata: &Metadata) -> PyResult<Bound<'py, PyDict>> {
    let fields = PyDict::new(py);
    let single =
        [("icc", &metadata.icc), ("exif", &metadata.exif), ("xmp", &metadata.xmp), ("iptc", &metadata.iptc)];
    for (name, block) in single {
        fields.set_item(name, block.as_deref().map(|block| PyBytes::new(py, block)))?;
    }
    for (name, list) in [("png", &metadata.png), ("riff", &metadata.riff), ("flac", &metadata.flac)] {
        fields.set_item(name, PyList::new(py, list.iter().map(|block| PyBytes::new(py, block)))?)?;
    }
    Ok(fields)
}

/// Shape and values of a contiguous array of one type; `None` if it is of another.
fn values<T: Element + Copy>(array: &Bound<'_, PyAny>) -> PyResult<Option<(Vec<usize>, Vec<T>)>> {
    let Ok(array) = array.cast::<PyArrayDyn<T>>() else { return Ok(None) };
    let shape = array.shape().to_vec();
    let array = array.try_readonly().map_err(|error| Failure::signal(error.to_string()))?;
    let values = array.as_slice().map_err(|error| Failure::signal(error.to_string()))?;
    Ok(Some((shape, values.to_vec())))
}

fn samples(array: &Bound<'_, PyAny>) -> PyResult<(Vec<usize>, Samples)> {
    if let Some((shape, values)) = values(array)? {
        return Ok((shape, Samples::U8(values)));
    }
    if let Some((shape, values)) = values(array)? {
        return Ok((shape, Samples::U16(values)));
    }
    Err(Failure::signal("a picture is an array of uint8 or uint16").into())
}

/// A picture of pixels `[height, width]` or `[height, width, 3]` and alpha `[height, width]`.
pub fn image(pixels: &Bound<'_, PyAny>, alpha: Option<&Bound<'_, PyAny>>) -> PyResult<Image> {
    let (shape, colors) = samples(pixels)?;
    let (height, width, color) = match shape[..] {
        [height, width] => (height, width, Color::Gray),
        [height, width, 3] => (height, width, Color::Rgb),
        _ => {
            let problem =
                format!("pixels of shape {shape:?} (expected [height, width] or [height, width, 3])");
            return Err(Failure::signal(problem).into());
        }
    };
    let side = |name: &str, side: usize| {
        u32::try_from(side).map_err(|_| Failure::signal(format!("a {name} of {side} pixels")))
    };
    let image = Image::new(side("width", width)?, side("height", height)?, color, colors);
    let image = image.map_err(|error| Failure::from(wavern::Error::from(error)))?;
    let Some(alpha) = alpha else { return Ok(image) };
    let (shape, alpha) = samples(alpha)?;
    if shape != [height, width] {
        let problem = format!("alpha of shape {shape:?} (expected [{height}, {width}])");
        return Err(Failure::signal(problem).into());
    }
    Ok(image.with_alpha(alpha).map_err(|error| Failure::from(wavern::Error::from(error)))?)
}

/// A sound of samples `[channels, frames]`.
pub fn audio(samples: &Bound<'_, PyAny>, sample_rate: u32, format: SampleFormat) -> PyResult<Audio> {
    let Some((shape, values)) = values::<f32>(samples)? else {
        return Err(Failure::signal("a sound is an array of float32").into());
    };
    let [channels, frames] = shape[..] else {
        let problem = format!("samples of shape {shape:?} (expected [channels, frames])");
        return Err(Failure::signal(problem).into());
    };
    let channels = (0..channels).map(|channel| values[channel * frames..][..frames].to_vec()).collect();
    Ok(Audio::new(sample_rate, format, channels)
        .map_err(|error| Failure::from(wavern::Error::from(error)))?)
}

const FORMATS: [(&str, SampleFormat); 6] = [
    ("uint8", SampleFormat::U8),
    ("int16", SampleFormat::I16),
    ("int24", SampleFormat::I24),
    ("int32", SampleFormat::I32),
    ("float32", SampleFormat::F32),
    ("float64", SampleFormat::F64),
];

/// The name of a sample format in Python.
pub fn format_name(format: SampleFormat) -> &'static str {
    FORMATS.iter().find(|(_, listed)| *listed == format).map_or("float32", |(name, _)| name)
}

/// The sample format of this name.
pub fn format_named(name: &str) -> PyResult<SampleFormat> {
    let found = FORMATS.iter().find(|(listed, _)| *listed == name);
    let names = || FORMATS.map(|(name, _)| name).join(", ");
    let error = || Failure::option("sample_format", format!("{name:?} (expected one of {})", names()));
    Ok(found.ok_or_else(error)?.1)
}

/// Values as an array that owns them.
pub fn array<'py, T: Element>(
    py: Python<'py>,
    shape: &[usize],
    values: Vec<T>,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(values.into_pyarray(py).reshape(shape.to_vec())?.into_any())
}

/// Samples as an array that owns them.
pub fn sample_array<'py>(py: Python<'py>, shape: &[usize], samples: Samples) -> PyResult<Bound<'py, PyAny>> {
    match samples {
        Samples::U8(values) => array(py, shape, values),
        Samples::U16(values) => array(py, shape, values),
    }
}

/// Whether the colours of a picture are gray or red, green and blue.
pub fn color_name(color: Color) -> &'static str {
    if color == Color::Gray { "gray" } else { "rgb" }
}
