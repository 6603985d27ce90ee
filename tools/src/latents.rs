//! `wavern latents`: the symbols of a .wvn file as an array, for learning in the compressed domain.

use crate::cli::Common;
use crate::codec::{self, Engine};
use crate::error::{At, Error, Result};
use crate::files::input::Input;
use crate::files::output::Output;
use crate::weights;
use safetensors::tensor::{Dtype, TensorView};
use std::path::PathBuf;
use wavern::Latents;
use wavern::internals::array::Symbols;

/// Write the quantized latents of a .wvn file as an array of integers
///
/// A picture has latents y of shape [rows, columns, channels] and coarser hyper-latents z. OUT.npy holds y, for
/// numpy.load; OUT.safetensors holds both. A sound has one pair for each group of channels (y0, z0, y1, ...).
/// No pixels are computed, so this is much faster than decoding.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// File to read, or - for standard input
    #[arg(value_name = "IN")]
    input: PathBuf,

    /// File to write: .npy or .safetensors, or - for NPY on standard output
    #[arg(value_name = "OUT")]
    output: PathBuf,

    /// Overwrite OUT if it exists
    #[arg(short, long)]
    force: bool,

    #[command(flatten)]
    weights: weights::Folders,

    #[command(flatten)]
    common: Common,
}

impl Args {
    fn engine(&self) -> Engine {
        Engine { weights: self.weights.all(), ..self.common.engine() }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let output = Output::new(&args.output, args.force)?;
    let is_safetensors = match args.output.extension().and_then(|extension| extension.to_str()) {
        Some("safetensors") => true,
        Some("npy") => false,
        _ if output.is_stream() => false,
        _ => {
            return Err(Error::usage("does not name a format to write (expected .npy or .safetensors)")
                .at(output.name()));
        }
    };
    let input = Input::read(&args.input)?;
    let groups = codec::latents(input.bytes(), args.engine()).at(input.name())?;
    let file = match groups.as_slice() {
        groups if is_safetensors => safetensors(groups)?,
        [one] => npy(&one.y.shape(), &little_endian(&one.y)),
        several => {
            let what =
                format!("{} groups of channels do not fit in one array (use .safetensors)", several.len());
            return Err(Error::usage(what).at(input.name()));
        }
    };
    let name = output.name().to_owned();
    output.write_bytes(&file)?;
    let shapes: Vec<String> = groups.iter().map(|group| format!("{:?}", group.y.shape())).collect();
    args.common.say(format_args!("{} -> {name}: y {}", input.name(), shapes.join(", ")));
    Ok(())
}

fn little_endian(symbols: &Symbols) -> Vec<u8> {
    symbols.data().iter().flat_map(|symbol| symbol.to_le_bytes()).collect()
}

/// The NPY format 1.0: magic, length of the header, a Python literal padded to 64 bytes, the numbers.
fn npy(shape: &[usize], little_endian: &[u8]) -> Vec<u8> {
    let axes: Vec<String> = shape.iter().map(ToString::to_string).collect();
    // A tuple of one needs its comma.
    let comma = if axes.len() == 1 { "," } else { "" };
    let shape = axes.join(", ");
    let mut header = format!("{{'descr': '<i4', 'fortran_order': False, 'shape': ({shape}{comma}), }}");
    let unpadded = 10 + header.len() + 1;
    header.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(little_endian);
    file
}

fn safetensors(groups: &[Latents]) -> Result<Vec<u8>> {
    let arrays = groups.iter().enumerate().flat_map(|(index, group)| {
        let suffix = if groups.len() == 1 { String::new() } else { index.to_string() };
        [(format!("y{suffix}"), &group.y), (format!("z{suffix}"), &group.z)]
    });
    let arrays: Vec<_> =
        arrays.map(|(name, symbols)| (name, symbols.shape(), little_endian(symbols))).collect();
    let views = arrays.iter().map(|(name, shape, bytes)| {
        TensorView::new(Dtype::I32, shape.to_vec(), bytes).map(|view| (name.as_str(), view))
    });
    let views: Vec<_> = views.collect::<Result<_, _>>().map_err(Error::failed)?;
    safetensors::serialize(views, None).map_err(Error::failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_npy_file_is_what_numpy_writes() {
        // numpy.save of numpy.array([[1, -1]], dtype="<i4")
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend(b"{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2), }");
        expected.resize(127, b' ');
        expected.extend(b"\n\x01\0\0\0\xff\xff\xff\xff");
        assert_eq!(npy(&[1, 2], &[1, 0, 0, 0, 255, 255, 255, 255]), expected);
        assert!(npy(&[5], &[]).windows(6).any(|window| window == b"(5,), "));
    }

    #[test]
    fn a_safetensors_file_holds_y_and_z_of_each_group() {
        let group = || {
            let (mut y, z) = (Symbols::zeros([1, 2, 1]), Symbols::zeros([1, 1, 3]));
            y.data_mut().copy_from_slice(&[1, -1]);
            Latents { y, z, residual: wavern::Array::zeros([1, 2, 0]) }
        };
        let names = |groups: &[Latents]| {
            let file = safetensors(groups).unwrap();
            let tensors = safetensors::SafeTensors::deserialize(&file).unwrap();
            let y = tensors.tensor(if groups.len() == 1 { "y" } else { "y1" }).unwrap();
            assert_eq!((y.dtype(), y.shape()), (Dtype::I32, &[1, 2, 1][..]));
            assert_eq!(y.data(), [1, 0, 0, 0, 255, 255, 255, 255]);
            let mut names: Vec<String> = tensors.names().into_iter().map(|name| name.to_string()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&[group()]), ["y", "z"]);
        assert_eq!(names(&[group(), group()]), ["y0", "y1", "z0", "z1"]);
    }
}
