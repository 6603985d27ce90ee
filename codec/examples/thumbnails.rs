//! Small PNG pictures of all .wvn pictures in a folder. Only an eighth of the width and height is computed, so this is
//! faster than decoding and shrinking.
//!
//! `cargo run --release -p wavern --example thumbnails -- FOLDER OUT`

use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use wavern::{Color, Decoder, Image, Samples, Scale, View};

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [folder, out] = &paths[..] else {
        return Err("expected FOLDER OUT".into());
    };
    fs::create_dir_all(out)?;
    // Made once: it holds the weights.
    let decoder = Decoder::new(Default::default())?;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = path.file_stem().filter(|_| path.extension().is_some_and(|e| e == "wvn")) else {
            continue;
        };
        match decoder.decode_view(&fs::read(&path)?, View::default().scale(Scale::Eighth)) {
            Ok(small) => write_png(&small, &out.join(name).with_extension("png"))?,
            // A sound, or a file that is damaged.
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
    }
    Ok(())
}

fn write_png(image: &Image, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut encoder = png::Encoder::new(File::create(path)?, image.width(), image.height());
    encoder.set_color(match image.color() {
        Color::Gray => png::ColorType::Grayscale,
        Color::Rgb => png::ColorType::Rgb,
        other => return Err(format!("{other:?} has no PNG").into()),
    });
    let bytes = match image.samples() {
        Samples::U8(samples) => samples.clone(),
        Samples::U16(samples) => {
            encoder.set_depth(png::BitDepth::Sixteen);
            samples.iter().flat_map(|sample| sample.to_be_bytes()).collect()
        }
    };
    Ok(encoder.write_header()?.write_image_data(&bytes)?)
}
