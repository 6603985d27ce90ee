//! Searches of the encoder: for symbols, for a size, for an error.
#![allow(clippy::unwrap_used)] // a helper of a test may fail it

use wavern::search::Watch;
use wavern::{Color, Samples};
use wavern::{
    Decoder, Effort, EncodeOptions, Encoded, Encoder, Error, Image, PictureOptions, Quality, Target, Tune,
};

/// Waves, edges and noise.
fn picture(width: u32, height: u32, color: Color) -> Image {
    let channels = color.channels();
    let mut state = 1u32;
    let value = |at: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y, c) = (at / channels % width as usize, at / channels / width as usize, at % channels);
        let wave = (x as f32 * 0.07 + (y as f32 * 0.013).sin() * 9.0 + c as f32).sin() * 60.0;
        let edge = if (x / 23 + y / 31) % 3 == 0 { 40.0 } else { 0.0 };
        (90.0 + wave + edge + (y as f32 * 0.21).cos() * 30.0 + (state >> 28) as f32) as u8
    };
    let samples = (0..width as usize * height as usize * channels).map(value).collect();
    Image::new(width, height, color, Samples::U8(samples)).unwrap()
}

fn options(effort: u8, quality: f32) -> EncodeOptions {
    EncodeOptions::new().effort(Effort::new(effort).unwrap()).quality(Quality::new(quality).unwrap())
}

/// What a file holds, and what comes out of it.
struct Coded {
    encoded: Encoded,
    restored: Image,
}

fn encode(image: &Image, options: EncodeOptions) -> Result<Coded, Error> {
    let (encoded, restored) = Encoder::new(options)?.encode_image_and_reconstruct(image)?;
    Ok(Coded { encoded, restored })
}

fn target(target: Target) -> PictureOptions {
    PictureOptions::new().target(target)
}

fn squared_error(a: &Image, b: &Image) -> f64 {
    let (Samples::U8(a), Samples::U8(b)) = (a.samples(), b.samples()) else { panic!("8 bits") };
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum()
}

/// `bits + λ · error` as the search counts it.
fn cost(image: &Image, coded: &Coded) -> f64 {
    let weights = wavern::internals::weights::image(Tune::Psnr).unwrap();
    let lambdas = &weights.config().lambdas;
    let position = f64::from(coded.encoded.level) / 64.0;
    let (low, t) = (position as usize, position.fract());
    let high = (low + 1).min(lambdas.len() - 1);
    let lambda = (lambdas[low].ln() * (1.0 - t) + lambdas[high].ln() * t).exp();
    let error = squared_error(image, &coded.restored);
    coded.encoded.bytes.len() as f64 * 8.0 + 1.25 * lambda * error / 3.0
}

#[test]
fn more_effort_costs_less_and_decodes_all_the_same() {
    let image = picture(200, 136, Color::Rgb);
    for quality in [20.0, 60.0] {
        let plain = encode(&image, options(1, quality)).unwrap();
        for effort in [2, 5, 6] {
            let searched = encode(&image, options(effort, quality)).unwrap();
            assert!(cost(&image, &searched) < cost(&image, &plain), "effort {effort}, quality {quality}");
            let Coded { encoded: searched, restored } = searched;
            let decoder = Decoder::new(Default::default()).unwrap();
            assert_eq!(decoder.decode_image(&searched.bytes).unwrap(), restored);
            let (estimated, real) = (searched.search.estimated_bits, searched.search.payload_bits as f64);
            // The end of a stream is only known on the average.
            assert!((real - estimated).abs() < 0.001 * real + 40.0, "{estimated} {real}");
        }
        let plain = plain.encoded;
        // Without a search nothing is counted, and the streams are as long as they are.
        assert_eq!((plain.search.rounds, plain.search.estimated_bits), (0, 0.0));
        assert!(plain.search.payload_bits.abs_diff(8 * plain.bytes.len() as u64) < 8 * 100);
    }
}

#[test]
fn threads_do_not_change_the_bytes() {
    let image = picture(150, 90, Color::Gray);
    for effort in [3, 5, 6] {
        let with = |threads| encode(&image, options(effort, 50.0).threads(threads)).unwrap().encoded.bytes;
        assert_eq!(with(1), with(2));
        assert_eq!(with(1), with(3));
    }
}

#[test]
fn weights_for_the_eye_are_searched_with_errors_masked() {
    // The left half is noise, the right half nearly flat.
    let mut state = 1u32;
    let sample = |at: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (x, y) = (at / 3 % 256, at / 3 / 256);
        let noise = if x < 128 { (state >> 26) as f32 } else { 0.0 };
        (100.0 + (x as f32 * 0.05).sin() * 20.0 + (y as f32 * 0.11).cos() * 12.0 + noise) as u8
    };
    let image =
        Image::new(256, 128, Color::Rgb, Samples::U8((0..256 * 128 * 3).map(sample).collect())).unwrap();
    let code = |tune, effort| {
        encode(&image, options(effort, 50.0).picture(PictureOptions::new().tune(tune))).unwrap()
    };
    let errors = |coded: &Coded| {
        let (Samples::U8(a), Samples::U8(b)) = (image.samples(), coded.restored.samples()) else {
            panic!("8 bits")
        };
        let mut sums = [0.0f64; 2];
        for (at, (a, b)) in a.iter().zip(b).enumerate() {
            sums[at / 3 % 256 / 128] += f64::from(a.abs_diff(*b)).powi(2);
        }
        sums
    };
    let (plain, searched) = (code(Tune::Visual, 1), code(Tune::Visual, 2));
    assert!(searched.encoded.bytes != plain.encoded.bytes && searched.encoded.search.rounds == 1);
    // What is flat gains by more than what is busy.
    let [[busy, flat], [busy_after, flat_after]] = [errors(&plain), errors(&searched)];
    assert!(flat_after / flat < busy_after / busy, "{busy} {flat} {busy_after} {flat_after}");
    let most = code(Tune::Visual, 9);
    assert_eq!(most.encoded.bytes, searched.encoded.bytes, "there is nothing more to it");
}

#[test]
fn sizes_are_met_and_never_exceeded() {
    let image = picture(256, 192, Color::Rgb);
    for effort in [1, 3, 5] {
        let low = encode(&image, options(1, 30.0)).unwrap().encoded.bytes.len() as u64;
        for budget in [low, low * 3 / 2] {
            let options = options(effort, 0.0).picture(target(Target::Bytes(budget)));
            let bytes = encode(&image, options).unwrap().encoded.bytes.len() as u64;
            assert!(bytes <= budget && bytes * 100 >= budget * 99, "{bytes} of {budget}, effort {effort}");
        }
    }
    let found = encode(&image, options(1, 0.0).picture(target(Target::BitsPerPixel(1.0)))).unwrap();
    assert!(found.encoded.bytes.len() <= 256 * 192 / 8);
    // No level meets the first three, nothing the others.
    for wrong in [
        Target::Bytes(10),
        Target::BitsPerPixel(1e-6),
        Target::Psnr(99.0),
        Target::BitsPerPixel(0.0),
        Target::Psnr(f64::NAN),
    ] {
        let error = encode(&image, options(1, 0.0).picture(target(wrong))).err().unwrap();
        assert!(matches!(error, Error::Option { .. }), "{error}");
    }
}

#[test]
fn an_error_is_reached_by_the_lowest_level_that_does() {
    let image = picture(160, 128, Color::Rgb);
    let psnr = |coded: &Coded| {
        let error = squared_error(&image, &coded.restored);
        10.0 * (255.0f64.powi(2) * f64::from(160 * 128 * 3) / error).log10()
    };
    let found = encode(&image, options(1, 0.0).picture(target(Target::Psnr(33.0)))).unwrap();
    assert!((33.0..33.3).contains(&psnr(&found)), "{}", psnr(&found));
    assert!(found.encoded.level > 0);
}

#[test]
fn a_search_that_is_stopped_writes_what_it_has() {
    let image = picture(96, 80, Color::Rgb);
    let all = encode(&image, options(7, 50.0)).unwrap();
    let watch = Watch::default();
    watch.stop();
    let stopped = encode(&image, options(7, 50.0).picture(PictureOptions::new().watch(watch))).unwrap();
    assert_eq!(stopped.encoded.bytes, encode(&image, options(1, 50.0)).unwrap().encoded.bytes);
    assert!(
        stopped.encoded.search.stopped && stopped.encoded.search.rounds == 0 && !all.encoded.search.stopped
    );

    // From another iteration than the first.
    let watch = std::sync::Arc::new(std::sync::OnceLock::<Watch>::new());
    let seen = watch.clone();
    let listener = Watch::new(move |done| {
        if done > 0.3 {
            seen.get().unwrap().stop();
        }
    });
    watch.set(listener.clone()).unwrap();
    let part = encode(&image, options(7, 50.0).picture(PictureOptions::new().watch(listener))).unwrap();
    assert!(
        part.encoded.search.stopped && (1..all.encoded.search.rounds).contains(&part.encoded.search.rounds)
    );
    assert!(cost(&image, &part) <= cost(&image, &stopped));
}
