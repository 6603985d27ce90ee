//! The quantized latents of a .wvn file as arrays for numpy, without decoding any pixel or sample: `FILE.y.npy` and
//! `FILE.z.npy`, of shape [rows, columns, channels]. A sound has one pair for each group of channels.
//!
//! `cargo run --release -p wavern --example latents_to_npy -- FILE.wvn`, then `numpy.load("FILE.y.npy")`.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use wavern::Decoder;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).map(PathBuf::from).ok_or("expected FILE.wvn")?;
    let groups = Decoder::new(Default::default())?.latents(&fs::read(&path)?)?;
    for (index, group) in groups.iter().enumerate() {
        let number = if groups.len() > 1 { index.to_string() } else { String::new() };
        for (name, latents) in [("y", &group.y), ("z", &group.z)] {
            let out = path.with_extension(format!("{name}{number}.npy"));
            write_npy(&out, latents.shape(), latents.data())?;
            println!("{}: {:?}", out.display(), latents.shape());
        }
    }
    Ok(())
}

/// NPY 1.0: magic, length of the header, a Python literal padded to a multiple of 64 bytes, little-endian integers.
fn write_npy(path: &Path, [rows, columns, channels]: [usize; 3], data: &[i32]) -> std::io::Result<()> {
    let literal =
        format!("{{'descr': '<i4', 'fortran_order': False, 'shape': ({rows}, {columns}, {channels}), }}");
    let length = (10 + literal.len() + 1).next_multiple_of(64) - 10;
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((length as u16).to_le_bytes());
    file.extend(format!("{literal:<0$}\n", length - 1).bytes());
    file.extend(data.iter().flat_map(|symbol| symbol.to_le_bytes()));
    fs::write(path, file)
}
