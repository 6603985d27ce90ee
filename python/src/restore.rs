//! Latents → pictures.

use crate::arrays;
use crate::error::Failure;
use crate::models;
use crate::pool;
use numpy::{PyArray3, PyArrayMethods as _, PyUntypedArrayMethods as _};
use pyo3::prelude::*;
use wavern::internals::array::Tensor;
use wavern::internals::restore_picture;
use wavern::{Color, Kind, WeightsId};
use wavern_bitstream::{BitDepth, ImageHeader};

/// `wavern.ImageInfo`.
#[derive(Debug, FromPyObject)]
pub struct Info {
    width: u32,
    height: u32,
    color: String,
    depth: u8,
    level: u16,
    weights: String,
}

impl Info {
    fn header(&self) -> Result<ImageHeader, Failure> {
        let color = match &*self.color {
            "gray" => Color::Gray,
            "rgb" => Color::Rgb,
            other => return Err(Failure::option("color", format!("{other:?} (expected 'gray' or 'rgb')"))),
        };
        let depth = BitDepth::from_bits(self.depth)
            .ok_or_else(|| Failure::option("depth", format!("{} (expected 8 or 16)", self.depth)))?;
        let weights = id(&self.weights)
            .ok_or_else(|| Failure::option("weights", format!("{:?} (expected 12 digits)", self.weights)))?;
        let (width, height, level) = (self.width, self.height, self.level);
        Ok(ImageHeader { level, color, depth, tile_log2: 0, width, height, weights })
    }
}

/// The id of weights, from hexadecimal digits.
fn id(digits: &str) -> Option<WeightsId> {
    let mut id = [0; 6];
    if digits.len() != 12 || !digits.is_ascii() {
        return None;
    }
    for (index, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&digits[2 * index..][..2], 16).ok()?;
    }
    Some(WeightsId(id))
}

/// The pixels of a picture from what its synthesis takes, `[rows, columns, channels]` of float32.
#[pyfunction]
pub fn decode_latents<'py>(
    py: Python<'py>,
    y: &Bound<'py, PyArray3<f32>>,
    info: Info,
    threads: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let header = info.header()?;
    let &[rows, columns, channels] = y.shape() else {
        return Err(Failure::signal("latents of other than three axes").into());
    };
    let y = y.try_readonly().map_err(|error| Failure::signal(error.to_string()))?;
    let y = y.as_slice().map_err(|error| Failure::signal(error.to_string()))?;
    if let Some(index) = y.iter().position(|value| !value.is_finite()) {
        let problem = format!("value {index} of the latents is {} (expected a finite number)", y[index]);
        return Err(Failure::signal(problem).into());
    }
    let y = Tensor::from_vec([rows, columns, channels], y.to_vec());
    let Some(weights) = models::decoding(py, Kind::Image, header.weights, true)? else {
        return Err(Failure::weights(header.weights).into());
    };
    let image = pool::run(py, threads, || (), move |_| restore_picture(&header, &y, weights))?;
    let image = image.map_err(Failure::from)?;
    let shape = [image.height() as usize, image.width() as usize, image.color().channels()];
    let shape = if shape[2] == 1 { &shape[..2] } else { &shape };
    arrays::sample_array(py, shape, image.into_parts().0)
}
