//! Rows, regions and scales: any way to a picture's pixels gives the same ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use wavern::rows::{PictureInfo, Pixels, ReadRows, WriteRows};
use wavern::{Color, Samples};
use wavern::{DecodeOptions, Decoder, EncodeOptions, Encoder, Error, Image, Region, Scale, View};

/// Structure at all scales, and no symmetry.
fn picture(width: u32, height: u32, color: Color) -> Image {
    let channels = color.channels();
    let mut state = 1u32;
    let value = |at: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y, c) = (at / channels % width as usize, at / channels / width as usize, at % channels);
        let wave = (x as f32 * 0.07 + (y as f32 * 0.013).sin() * 9.0 + c as f32).sin() * 70.0;
        (120.0 + wave + (y as f32 * 0.21).cos() * 30.0 + (state >> 28) as f32) as u8
    };
    let samples = (0..width as usize * height as usize * channels).map(value).collect();
    Image::new(width, height, color, Samples::U8(samples)).unwrap()
}

fn bytes(image: &Image) -> &[u8] {
    match image.samples() {
        Samples::U8(v) => v,
        Samples::U16(_) => unreachable!("pictures here have 8 bits"),
    }
}

struct Source<'a>(&'a Image, usize);

impl ReadRows for Source<'_> {
    fn read(&mut self, count: usize) -> Result<Pixels<'_>, Error> {
        let row = self.0.width() as usize * self.0.color().channels();
        let first = self.1 * row;
        self.1 += count;
        Ok(Pixels::U8(&bytes(self.0)[first..first + count * row]))
    }
}

#[derive(Default)]
struct Sink {
    info: Option<PictureInfo>,
    samples: Vec<u8>,
    writes: usize,
}

impl WriteRows for Sink {
    fn begin(&mut self, picture: PictureInfo) -> Result<(), Error> {
        self.info = Some(picture);
        Ok(())
    }

    fn write(&mut self, rows: Pixels<'_>) -> Result<(), Error> {
        let Pixels::U8(rows) = rows else { unreachable!("pictures here have 8 bits") };
        self.samples.extend_from_slice(rows);
        self.writes += 1;
        Ok(())
    }
}

fn decoder(threads: usize) -> Decoder {
    Decoder::new(DecodeOptions::new().threads(threads)).unwrap()
}

fn crop(image: &Image, [x, y, width, height]: [usize; 4]) -> Vec<u8> {
    let (row, channels) = (image.width() as usize, image.color().channels());
    let rows = bytes(image).chunks_exact(row * channels).skip(y).take(height);
    rows.flat_map(|line| &line[x * channels..(x + width) * channels]).copied().collect()
}

/// A picture of several tiles, its file and its pixels.
fn tiled() -> (Image, Vec<u8>, Image) {
    let image = picture(1301, 1187, Color::Rgb);
    let encoder = Encoder::new(EncodeOptions::new().threads(2)).unwrap();
    let (encoded, restored) = encoder.encode_image_and_reconstruct(&image).unwrap();
    let decoded = decoder(2).decode_image(&encoded.bytes).unwrap();
    assert!(restored == decoded, "the encoder knows what the decoder will have");
    (image, encoded.bytes, decoded)
}

#[test]
fn rows_regions_and_scales_are_those_of_the_whole_picture() {
    let (image, file, whole) = tiled();
    // Rows in, rows out, other numbers of threads.
    let info = PictureInfo::from(&image);
    let encoder = Encoder::new(EncodeOptions::new().threads(3)).unwrap();
    let streamed = encoder.encode_rows(&info, &mut Source(&image, 0)).unwrap();
    assert!(streamed.bytes == file, "the file does not depend on how its rows come");
    let mut sink = Sink::default();
    decoder(1).decode_rows(&file, View::default(), &mut sink).unwrap();
    assert!(sink.samples == bytes(&whole) && sink.writes > 10);
    assert!(sink.info == Some(info));

    for [x, y, width, height] in [
        [0, 0, 1, 1],
        [1300, 1186, 1, 1],
        [1000, 1000, 60, 60],
        [500, 0, 33, 1187],
        [3, 700, 1298, 5],
        [0, 0, 1301, 1187],
    ] {
        let view = View::default().region(Region { x, y, width, height });
        let part = decoder(2).decode_view(&file, view).unwrap();
        assert_eq!((part.width(), part.height()), (width, height));
        let expected = crop(&whole, [x, y, width, height].map(|n| n as usize));
        assert!(bytes(&part) == expected, "region {x},{y},{width},{height}");
    }

    for (scale, factor) in [(Scale::Half, 2), (Scale::Quarter, 4), (Scale::Eighth, 8)] {
        let small = decoder(2).decode_view(&file, View::default().scale(scale)).unwrap();
        assert_eq!((small.width(), small.height()), (1301u32.div_ceil(factor), 1187u32.div_ceil(factor)));
        // What a scaled picture is exactly, the tests of the transform say.
        let mean = |image: &Image| {
            bytes(image).iter().map(|v| f64::from(*v)).sum::<f64>() / bytes(image).len() as f64
        };
        assert!((mean(&small) - mean(&whole)).abs() < 1.0, "{scale:?}");
        let (x, y, width, height) = (333, 250, 401, 777);
        let view = View::default().scale(scale).region(Region { x, y, width, height });
        let part = decoder(2).decode_view(&file, view).unwrap();
        let [left, top] = [x / factor, y / factor];
        let size = [(x + width).div_ceil(factor) - left, (y + height).div_ceil(factor) - top];
        assert_eq!([part.width(), part.height()], size);
        let expected = crop(&small, [left, top, size[0], size[1]].map(|n| n as usize));
        assert!(bytes(&part) == expected, "{scale:?} of a region");
    }
}

#[test]
fn small_and_gray_pictures_have_views_too() {
    for (width, height, color) in [(1, 1, Color::Rgb), (17, 33, Color::Gray), (100, 5, Color::Rgb)] {
        let image = picture(width, height, color);
        let file = Encoder::new(EncodeOptions::default()).unwrap().encode_image(&image).unwrap().bytes;
        let whole = decoder(2).decode_view(&file, View::default()).unwrap();
        let (x, y) = (width / 2, height / 2);
        let region = Region { x, y, width: width - x, height: height - y };
        let part = decoder(1).decode_view(&file, View::default().region(region)).unwrap();
        let expected = crop(&whole, [x, y, width - x, height - y].map(|n| n as usize));
        assert!(bytes(&part) == expected);
        let small = decoder(2).decode_view(&file, View::default().scale(Scale::Eighth)).unwrap();
        assert_eq!((small.width(), small.height()), (width.div_ceil(8), height.div_ceil(8)));
    }
}

#[test]
fn views_outside_and_sources_that_lie_are_errors() {
    let image = picture(40, 30, Color::Rgb);
    let encoder = Encoder::new(EncodeOptions::default()).unwrap();
    let file = encoder.encode_image(&image).unwrap().bytes;
    for (x, y, width, height) in
        [(40, 0, 1, 1), (0, 0, 41, 1), (0, 29, 1, 2), (5, 5, 0, 1), (u32::MAX, 0, 2, 1)]
    {
        let view = View::default().region(Region { x, y, width, height });
        let error = decoder(1).decode_view(&file, view).unwrap_err();
        assert!(matches!(error, Error::Option { option: "region", .. }), "{error}");
    }
    struct Short;
    impl ReadRows for Short {
        fn read(&mut self, _: usize) -> Result<Pixels<'_>, Error> {
            Ok(Pixels::U8(&[1, 2, 3]))
        }
    }
    let error = encoder.encode_rows(&PictureInfo::from(&image), &mut Short).unwrap_err();
    assert!(error.to_string().starts_with("3 samples of 8 bits (expected 3600"), "{error}");
}
