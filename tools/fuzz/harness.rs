//! What must hold for any bytes. Shared by the fuzz targets and by `tests/fuzz_corpus.rs`, which replays the corpora.
#![allow(dead_code, reason = "a target uses one of them")]

use wavern::{Color, Metadata, Samples};
use wavern::{Image, Signal};
use wavern_cli::files::{OutputFormat, input::Input, read_signal, write_signal};

/// A file of another program.
pub fn signal(bytes: &[u8]) {
    let _ = read_signal(&Input::from_bytes("fuzz", bytes.to_vec()));
}

/// The chunks of a WAV file, with the lengths that a fuzzer would not guess put right.
pub fn wav(bytes: &[u8]) {
    signal(bytes);
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0".to_vec();
    let (format, rest) = bytes.split_at(bytes.len().min(16));
    file.extend_from_slice(format);
    file.resize(36, 0);
    file.extend_from_slice(rest);
    let length = file.len() as u32 - 8;
    file[4..8].copy_from_slice(&length.to_le_bytes());
    signal(&file);
}

/// Metadata through every format that holds it: what was written reads, with the pixels that it had.
pub fn metadata(bytes: &[u8]) {
    let part = |which: usize| {
        let length = bytes.len() / 3;
        let part = bytes[which * length..(which + 1) * length].to_vec();
        (!part.is_empty()).then_some(part)
    };
    let mut metadata = Metadata::default();
    (metadata.icc, metadata.exif, metadata.xmp, metadata.iptc) = (part(0), part(1), part(2), part(2));
    metadata.png.extend([bytes.to_vec(), [b"tEXt", bytes].concat()]);
    let pixels = Samples::U8(vec![1, 2, 3, 4, 5, 6]);
    let image = Image::new(2, 1, Color::Rgb, pixels).expect("two pixels").with_metadata(metadata);
    for format in
        [OutputFormat::Png, OutputFormat::Tiff, OutputFormat::Webp, OutputFormat::Pnm, OutputFormat::Bmp]
    {
        let mut file = Vec::new();
        let signal = Signal::Image(image.clone());
        if write_signal(&signal, format, &mut file).is_err() {
            continue;
        }
        let read = read_signal(&Input::from_bytes("fuzz", file));
        if let Ok(Signal::Image(read)) = read.map(|loaded| loaded.signal) {
            assert_eq!(read.samples(), image.samples(), "{format}");
        }
    }
}
