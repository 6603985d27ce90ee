//! .wvn files through the crate `image`: the pixels of every golden picture, and errors of that crate for files that are
//! damaged or no pictures.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use image::{ColorType, ImageError, ImageReader};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use wavern::{DecodeOptions, Decoder, Samples};

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata").join(folder);
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "wvn")).collect();
    files.sort();
    files
}

fn opened(bytes: &[u8]) -> Result<image::DynamicImage, ImageError> {
    ImageReader::new(Cursor::new(bytes)).with_guessed_format().unwrap().decode()
}

#[test]
fn golden_pictures_have_the_pixels_of_the_decoder_and_sounds_are_refused() {
    wavern::register_image_hooks();
    let decoder = Decoder::new(DecodeOptions::new()).unwrap();
    let mut pictures = 0;
    for path in files("golden") {
        let bytes = fs::read(&path).unwrap();
        let Ok(picture) = decoder.decode_image(&bytes) else {
            let error = image::open(&path).unwrap_err();
            assert!(matches!(error, ImageError::Decoding(_)), "{}: {error}", path.display());
            continue;
        };
        let (shown, read) = (image::open(&path).unwrap(), opened(&bytes).unwrap());
        assert!(shown == read, "{}", path.display());
        assert_eq!((shown.width(), shown.height()), (picture.width(), picture.height()));
        let channels = picture.color().channels();
        let each = channels + usize::from(picture.alpha().is_some());
        assert_eq!(usize::from(shown.color().channel_count()), each);
        let value = |samples: &Samples, at: usize| match samples {
            Samples::U8(samples) => u16::from(samples[at]),
            Samples::U16(samples) => samples[at],
        };
        let flat: Vec<u16> = match shown.color() {
            ColorType::L8 | ColorType::La8 | ColorType::Rgb8 | ColorType::Rgba8 => {
                shown.as_bytes().iter().map(|v| u16::from(*v)).collect()
            }
            _ => shown.as_bytes().as_chunks::<2>().0.iter().map(|v| u16::from_ne_bytes(*v)).collect(),
        };
        for (at, sample) in flat.into_iter().enumerate() {
            let (pixel, channel) = (at / each, at % each);
            let expected = match picture.alpha().filter(|_| channel == channels) {
                Some(alpha) => value(alpha, pixel),
                None => value(picture.samples(), pixel * channels + channel),
            };
            assert_eq!(sample, expected, "{}: {at}", path.display());
        }
        pictures += 1;
    }
    assert!(pictures >= 20, "{pictures}");
}

#[test]
fn hostile_and_cut_files_are_errors() {
    wavern::register_image_hooks();
    for path in files("hostile") {
        assert!(opened(&fs::read(&path).unwrap()).is_err(), "{}", path.display());
    }
    let whole = fs::read(&files("golden")[0]).unwrap();
    for length in 8..whole.len() {
        assert!(opened(&whole[..length]).is_err(), "{length}");
    }
}

#[test]
fn metadata_comes_along_and_limits_hold() {
    wavern::register_image_hooks();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/golden/picture-metadata.wvn");
    let bytes = fs::read(path).unwrap();
    let picture = Decoder::new(DecodeOptions::new()).unwrap().decode_image(&bytes).unwrap();
    let reader = || ImageReader::new(Cursor::new(&bytes)).with_guessed_format().unwrap();
    let mut decoder = reader().into_decoder().unwrap();
    use image::ImageDecoder as _;
    assert_eq!(decoder.icc_profile().unwrap(), picture.metadata().icc);
    assert_eq!(decoder.exif_metadata().unwrap(), picture.metadata().exif);
    assert_eq!(decoder.xmp_metadata().unwrap(), picture.metadata().xmp);
    assert_eq!(decoder.iptc_metadata().unwrap(), picture.metadata().iptc);
    assert!(picture.metadata().icc.is_some() && picture.metadata().exif.is_some());
    let mut limits = image::Limits::no_limits();
    limits.max_image_width = Some(3);
    let mut small = reader();
    small.limits(limits);
    assert!(matches!(small.decode(), Err(ImageError::Limits(_))));
}
