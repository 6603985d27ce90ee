//! Whole encodes and decodes with the built-in weights.
#![allow(clippy::unwrap_used)] // a helper of a test may fail it

use wavern::{Audio, Color, Image, PictureOptions, SampleFormat, Samples, Tune};
use wavern::{DecodeOptions, Decoder, EncodeOptions, Encoder, Error, Kind, Quality, Signal, SoundOptions};

/// A smooth random walk in 0..256.
fn walk(len: usize, seed: u32) -> impl Iterator<Item = u8> {
    let mut state = seed;
    let mut level = 128i32;
    (0..len).map(move |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        level = (level + (state >> 27) as i32 - 15).clamp(0, 255);
        level as u8
    })
}

fn picture(width: u32, height: u32, color: Color) -> Image {
    let len = width as usize * height as usize * color.channels();
    Image::new(width, height, color, Samples::U8(walk(len, width * 31 + height).collect())).unwrap()
}

fn sound(frames: usize, channels: usize, sample_rate: u32) -> Audio {
    let channel = |c: usize| walk(frames, c as u32 + 1).map(|v| f32::from(v) / 128.0 - 1.0).collect();
    Audio::new(sample_rate, SampleFormat::I16, (0..channels).map(channel).collect()).unwrap()
}

fn options(quality: f32) -> EncodeOptions {
    EncodeOptions::new().quality(Quality::new(quality).unwrap())
}

fn decode(bytes: &[u8]) -> Result<Signal, Error> {
    Decoder::new(DecodeOptions::default()).unwrap().decode(bytes)
}

/// A sky of slow gradients, as a photograph has it at its top.
fn sky(width: u32, height: u32) -> Image {
    let ends = [[70.0, 135.0], [120.0, 180.0], [190.0, 235.0]];
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let down = f64::from(y) / f64::from(height) + 0.15 * f64::from(x) / f64::from(width);
            samples.extend(ends.map(|[top, bottom]: [f64; 2]| (top + (bottom - top) * down).round() as u8));
        }
    }
    Image::new(width, height, Color::Rgb, Samples::U8(samples)).unwrap()
}

/// Errors of the means of red, green and blue over blocks of 16 × 16 pixels, rising.
fn errors_of_means(a: &Image, b: &Image) -> Vec<f64> {
    let (Samples::U8(a_samples), Samples::U8(b_samples)) = (a.samples(), b.samples()) else {
        panic!("pictures of 8 bits")
    };
    let columns = a.width() as usize / 16;
    let mut sums = vec![0.0; 3 * columns * (a.height() as usize / 16)];
    for (i, (a_sample, b_sample)) in a_samples.iter().zip(b_samples).enumerate() {
        let (x, y) = (i / 3 % a.width() as usize / 16, i / 3 / a.width() as usize / 16);
        sums[3 * (y * columns + x) + i % 3] += f64::from(*a_sample) - f64::from(*b_sample);
    }
    let mut errors: Vec<f64> = sums.into_iter().map(|sum: f64| sum.abs() / 256.0).collect();
    errors.sort_by(f64::total_cmp);
    errors
}

#[test]
fn a_smooth_sky_has_no_contours() {
    let image = sky(512, 384);
    let asked =
        [(Tune::Fast, 5.0, 4.0), (Tune::Fast, 20.0, 2.6), (Tune::Psnr, 5.0, 4.8), (Tune::Psnr, 20.0, 2.6)];
    for (tune, quality, most) in asked {
        let options = options(quality).picture(PictureOptions::new().tune(tune));
        let (_, decoded) = Encoder::new(options).unwrap().encode_image_and_reconstruct(&image).unwrap();
        let errors = errors_of_means(&image, &decoded);
        let high = errors[errors.len() * 99 / 100];
        assert!(high < most, "{tune:?}, quality {quality}: {high:.2} steps of 8 bits");
    }
}

#[test]
fn the_decoder_gives_the_encoders_own_reconstruction() {
    let encoder = Encoder::new(options(70.0)).unwrap();
    for (width, height) in [(1, 1), (2, 3), (15, 17), (16, 16), (64, 1), (1, 65), (130, 67)] {
        for color in [Color::Gray, Color::Rgb] {
            let image = picture(width, height, color);
            let (encoded, expected) = encoder.encode_image_and_reconstruct(&image).unwrap();
            assert_eq!(encoder.encode_image(&image).unwrap().bytes, encoded.bytes);
            let decoder = Decoder::new(DecodeOptions::default()).unwrap();
            assert_eq!(decoder.latents(&encoded.bytes).unwrap(), encoded.latents, "{width}×{height}");
            assert_eq!(decoder.decode_image(&encoded.bytes).unwrap(), expected, "{width}×{height}");
            assert_eq!(decode(&encoded.bytes).unwrap(), Signal::Image(expected));
            assert!(matches!(decoder.decode_audio(&encoded.bytes), Err(Error::Kind { found: Kind::Image })));
        }
    }
    for frames in [0, 1, 255, 256, 1025, 50_000] {
        for channels in [1, 2, 3] {
            let audio = sound(frames, channels, 44_100);
            let (encoded, expected) = encoder.encode_audio_and_reconstruct(&audio).unwrap();
            let decoder = Decoder::new(DecodeOptions::default()).unwrap();
            assert_eq!(decoder.decode_audio(&encoded.bytes).unwrap(), expected, "{frames} frames");
            assert!(matches!(decoder.decode_image(&encoded.bytes), Err(Error::Kind { found: Kind::Audio })));
        }
    }
}

#[test]
fn quality_buys_fidelity_and_costs_bytes() {
    let image = picture(96, 80, Color::Rgb);
    let Samples::U8(original) = image.samples() else { panic!("8 bits") };
    let (mut bytes, mut error) = (0, f64::INFINITY);
    for quality in [0.0, 30.0, 60.0, 100.0] {
        let encoder = Encoder::new(options(quality)).unwrap();
        let (encoded, restored) = encoder.encode_image_and_reconstruct(&image).unwrap();
        let Samples::U8(restored) = restored.samples() else { panic!("8 bits") };
        let squares: f64 =
            original.iter().zip(restored).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
        assert!(encoded.bytes.len() > bytes && squares < error, "quality {quality}");
        (bytes, error) = (encoded.bytes.len(), squares);
    }
}

#[test]
fn sixteen_bits_and_alpha_come_back() {
    let (width, height) = (33, 20);
    let deep = |len: usize| walk(len, 5).map(|v| u16::from(v) * 257).collect::<Vec<u16>>();
    let image = Image::new(width, height, Color::Rgb, Samples::U16(deep(33 * 20 * 3))).unwrap();
    let alpha = Samples::U16(deep(33 * 20).iter().map(|v| v ^ 0x1234).collect());
    let image = image.with_alpha(alpha.clone()).unwrap();
    let encoded = Encoder::new(options(100.0)).unwrap().encode_image(&image).unwrap();
    let Signal::Image(decoded) = decode(&encoded.bytes).unwrap() else { panic!("a picture") };
    assert_eq!((decoded.depth(), decoded.alpha()), (16, Some(&alpha)));
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    // Large enough for several runs of positions, and for more than one tile and segment.
    let image = picture(1500, 1100, Color::Rgb);
    let audio = sound(100_000, 2, 44_100);
    let encode = |threads| {
        let encoder = Encoder::new(options(40.0).threads(threads)).unwrap();
        let (image, restored) = encoder.encode_image_and_reconstruct(&image).unwrap();
        let (audio, replayed) = encoder.encode_audio_and_reconstruct(&audio).unwrap();
        (image.bytes, restored, audio.bytes, replayed)
    };
    let one = encode(1);
    for threads in [2, 3] {
        assert!(encode(threads) == one, "{threads} threads");
    }
}

fn bits_per_second(bitrate: u32) -> EncodeOptions {
    EncodeOptions::new().sound(SoundOptions::new().bitrate(bitrate))
}

#[test]
fn a_bit_rate_is_met_from_below() {
    let audio = sound(44_100 * 6, 2, 44_100);
    for bitrate in [200_000u32, 320_000] {
        let encoder = Encoder::new(bits_per_second(bitrate)).unwrap();
        let bytes = encoder.encode_audio(&audio).unwrap().bytes.len();
        let rate = bytes as f64 * 8.0 / audio.seconds();
        assert!((0.98..=1.0).contains(&(rate / f64::from(bitrate))), "{rate} for {bitrate}");
    }
    // A picture has no bit rate: it is coded at the quality.
    let image = picture(8, 8, Color::Gray);
    let [with, without] = [bits_per_second(64_000), EncodeOptions::new()]
        .map(|options| Encoder::new(options).unwrap().encode_image(&image).unwrap().bytes);
    assert_eq!(with, without);
    let error = Encoder::new(bits_per_second(0)).unwrap_err();
    assert_eq!(error.to_string(), "bitrate: 0 bit/s (expected at least 1)");
}

#[test]
fn every_truncation_and_every_changed_byte_is_an_error() {
    let encoder = Encoder::new(options(20.0)).unwrap();
    let image = encoder.encode_image(&picture(40, 24, Color::Rgb)).unwrap().bytes;
    let audio = encoder.encode_audio(&sound(3000, 2, 8000)).unwrap().bytes;
    for file in [image, audio] {
        for length in 0..file.len() {
            assert!(decode(&file[..length]).is_err(), "cut at {length}");
        }
        for position in 0..file.len() {
            let mut damaged = file.clone();
            damaged[position] ^= 1 << (position % 8);
            assert!(decode(&damaged).is_err(), "byte {position}");
        }
    }
}

#[test]
fn damage_behind_a_right_checksum_is_still_no_panic() {
    // A payload that was damaged before the checksum was made: what a faulty or hostile encoder could write.
    use wavern_bitstream::{Container, ContainerBuilder, Header, Limits};
    let encoded = Encoder::new(options(50.0)).unwrap().encode_image(&picture(48, 40, Color::Rgb)).unwrap();
    let limits = Limits::default();
    let container = Container::parse(&encoded.bytes, &limits).unwrap();
    let Header::Image(header) = *container.header() else { panic!("a picture") };
    let payload = container.tile(0).unwrap();
    let mut refused = 0;
    for position in 0..payload.len() {
        let mut damaged = payload.to_vec();
        damaged[position] = damaged[position].wrapping_add(37);
        let file = ContainerBuilder::new(header).tile(damaged).build(&limits).unwrap();
        refused += usize::from(decode(&file).is_err());
    }
    // The final state tells nearly all of it.
    assert!(refused * 100 >= payload.len() * 99, "{refused} of {}", payload.len());
}

#[test]
fn extreme_samples_are_coded_without_harm() {
    for value in [f32::MAX, -f32::MAX, 1e30, f32::MIN_POSITIVE] {
        let audio = Audio::new(48_000, SampleFormat::F32, vec![vec![value; 700]; 2]).unwrap();
        let encoded = Encoder::new(options(100.0)).unwrap().encode_audio(&audio).unwrap();
        let Signal::Audio(back) = decode(&encoded.bytes).unwrap() else { panic!("a sound") };
        assert_eq!(back.frames(), 700);
    }
}
