//! Pictures without loss: every sample comes back, whatever the shape, on every path, whole or in parts.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use wavern::{
    Color, DecodeOptions, Decoder, Effort, EncodeOptions, Encoder, Error, Image, PictureOptions, Region,
    Samples, Scale, Target, View,
};
use wavern_bitstream::{Container, LOSSLESS_LEVEL, Limits};

/// Kinds of content: what is smooth, what is busy, what has few values, what is one colour.
fn value(kind: u32, x: u32, y: u32, channel: u32, most: u32) -> u32 {
    let noise = (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503) ^ channel.wrapping_mul(97))
        .wrapping_mul(2_246_822_519);
    let smooth = (f64::from(x) * 0.06 + f64::from(y) * 0.04 + f64::from(channel)).sin() * 0.4 + 0.5;
    match kind {
        0 => (smooth * f64::from(most)) as u32,
        1 => noise % (most + 1),
        2 => most / 3 * (noise >> 30),
        3 => most / 5,
        _ => ((smooth * f64::from(most)) as u32 + noise % (most / 50 + 2)).min(most),
    }
}

fn picture(kind: u32, width: u32, height: u32, color: Color, depth: u8, alpha: bool) -> Image {
    let plane = |channels: u32, first: u32| {
        let most = if depth == 8 { 255 } else { 65_535 };
        let samples = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let samples = samples.flat_map(|(x, y)| (0..channels).map(move |c| (x, y, c)));
        let samples = samples.map(|(x, y, c)| value(kind, x, y, first + c, most));
        match depth {
            8 => Samples::U8(samples.map(|v| v as u8).collect()),
            _ => Samples::U16(samples.map(|v| v as u16).collect()),
        }
    };
    let image = Image::new(width, height, color, plane(color.channels() as u32, 0)).unwrap();
    if alpha { image.with_alpha(plane(1, 7)).unwrap() } else { image }
}

fn encoder(effort: u8) -> Encoder {
    let options = EncodeOptions::new().lossless(true).effort(Effort::new(effort).unwrap());
    Encoder::new(options.threads(2)).unwrap()
}

fn decoder() -> Decoder {
    Decoder::new(DecodeOptions::new().threads(2)).unwrap()
}

fn encoded(image: &Image) -> Vec<u8> {
    encoder(1).encode_image(image).unwrap().bytes
}

#[test]
fn every_shape_depth_and_content_comes_back() {
    let sides = [1, 2, 3, 4, 5, 7, 8, 16, 31, 130];
    for (index, (width, height)) in sides.iter().flat_map(|w| sides.map(|h| (*w, h))).enumerate() {
        let color = if index % 3 == 0 { Color::Gray } else { Color::Rgb };
        let depth = if index % 4 == 1 { 16 } else { 8 };
        let image = picture(index as u32 % 5, width, height, color, depth, index % 7 == 2);
        let bytes = encoded(&image);
        assert!(decoder().decode_image(&bytes).unwrap() == image, "{width}×{height} {color:?} {depth}");
    }
}

#[test]
fn effort_changes_the_bytes_and_not_the_picture() {
    let image = picture(4, 200, 150, Color::Rgb, 8, false);
    let quick = encoded(&image);
    let slow = encoder(3).encode_image(&image).unwrap().bytes;
    assert!(slow.len() <= quick.len(), "{} and {}", slow.len(), quick.len());
    assert!(decoder().decode_image(&slow).unwrap() == image);
}

#[test]
fn few_values_of_many_are_coded_as_their_ranks() {
    let deep = picture(4, 200, 150, Color::Rgb, 16, true);
    let Samples::U16(samples) = deep.samples() else { panic!("16 bits") };
    let with = |by: &dyn Fn(u16) -> u16| {
        let samples = Samples::U16(samples.iter().map(|v| by(*v)).collect());
        let image =
            Image::new(200, 150, Color::Rgb, samples).unwrap().with_alpha(deep.alpha().unwrap().clone());
        let bytes = encoded(image.as_ref().unwrap());
        assert!(decoder().decode_image(&bytes).unwrap() == image.unwrap());
        bytes.len()
    };
    // Ten bits of sixteen, with zeros or with their own upper bits below.
    let (all, shifted, repeated) = (with(&|v| v), with(&|v| v & 0xffc0), with(&|v| v & 0xffc0 | v >> 10));
    assert!(3 * shifted < 2 * all && 3 * repeated < 2 * all, "{all} {shifted} {repeated}");
}

#[test]
fn samples_may_change_by_so_much_and_alpha_not_at_all() {
    for (depth, error) in [(8, 1), (8, 8), (16, 1), (16, 300)] {
        for effort in [1, 2] {
            let image = picture(4, 200, 150, Color::Rgb, depth, true);
            let options = EncodeOptions::new().effort(Effort::new(effort).unwrap());
            let options = options.picture(PictureOptions::new().max_error(error));
            let coded =
                Encoder::new(options.threads(2)).unwrap().encode_image_and_reconstruct(&image).unwrap();
            let near = decoder().decode_image(&coded.0.bytes).unwrap();
            assert!(near == coded.1, "{depth} {error} {effort}");
            let container = Container::parse(&coded.0.bytes, &Limits::default()).unwrap();
            assert_eq!(container.max_error(), Some(error));
            let exact = encoded(&image);
            assert_eq!(Container::parse(&exact, &Limits::default()).unwrap().max_error(), None);
            assert_eq!(near.alpha(), image.alpha());
            let change = match (near.samples(), image.samples()) {
                (Samples::U8(a), Samples::U8(b)) => a.iter().zip(b).map(|(a, b)| a.abs_diff(*b).into()).max(),
                (Samples::U16(a), Samples::U16(b)) => a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max(),
                _ => None,
            };
            assert_eq!(change, Some(error), "{depth} {effort}");
        }
    }
}

#[test]
fn views_are_parts_and_means_of_the_picture() {
    let image = picture(4, 1500, 1100, Color::Rgb, 8, false);
    let bytes = encoded(&image);
    let header = Container::parse(&bytes, &Limits::default()).unwrap();
    assert!(header.tile_count() > 1 && header.header().level() == LOSSLESS_LEVEL);
    let Samples::U8(all) = image.samples() else { panic!("8 bits") };
    let at = |x: usize, y: usize, c: usize| u32::from(all[(y * 1500 + x) * 3 + c]);
    let region = Region { x: 1000, y: 900, width: 77, height: 130 };
    let part = decoder().decode_view(&bytes, View::default().region(region)).unwrap();
    let Samples::U8(samples) = part.samples() else { panic!("8 bits") };
    for (i, &sample) in samples.iter().enumerate() {
        let (x, y) = (i / 3 % 77, i / 231);
        assert_eq!(u32::from(sample), at(1000 + x, 900 + y, i % 3));
    }
    let small = decoder().decode_view(&bytes, View::default().region(region).scale(Scale::Quarter)).unwrap();
    // Blocks of 4 × 4 that the region touches: columns 250 to 269, rows 225 to 257.
    assert_eq!((small.width(), small.height()), (20, 33));
    let Samples::U8(samples) = small.samples() else { panic!("8 bits") };
    for (i, &sample) in samples.iter().enumerate() {
        let (x, y) = (4 * (250 + i / 3 % 20), 4 * (225 + i / 60));
        let sum: u32 = (0..16).map(|k| at(x + k % 4, y + k / 4, i % 3)).sum();
        assert_eq!(u32::from(sample), (sum + 8) / 16);
    }
}

#[test]
fn a_lost_tile_is_named_and_the_others_are_whole() {
    let image = picture(0, 1500, 1100, Color::Rgb, 8, false);
    let mut bytes = encoded(&image);
    let place = {
        let container = Container::parse(&bytes, &Limits::default()).unwrap();
        container.tile(1).unwrap().as_ptr() as usize - bytes.as_ptr() as usize
    };
    bytes[place + 20] ^= 0x40;
    assert!(decoder().decode_image(&bytes).is_err());
    let (left, damage) = decoder().decode_partial(&bytes, View::default()).unwrap();
    assert_eq!(damage.tiles.iter().map(|tile| tile.index).collect::<Vec<_>>(), [1]);
    assert_eq!(decoder().verify_picture(&bytes).unwrap().tiles.len(), 1);
    let (Samples::U8(left), Samples::U8(all)) = (left.samples(), image.samples()) else { panic!("8 bits") };
    for (i, (left, all)) in left.iter().zip(all).enumerate() {
        let (x, y) = (i / 3 % 1500, i / 4500);
        assert_eq!(*left, if x >= 1024 && y < 1024 { 128 } else { *all });
    }
}

#[test]
fn what_does_not_apply_is_refused() {
    let target = PictureOptions::new().target(Target::Bytes(1000));
    let error = Encoder::new(EncodeOptions::new().lossless(true).picture(target)).unwrap_err();
    assert!(matches!(error, Error::Option { option: "lossless", .. }));
    let bytes = encoded(&picture(0, 40, 30, Color::Gray, 8, false));
    assert!(matches!(decoder().latents(&bytes), Err(Error::Option { option: "latents", .. })));
}

#[test]
fn damage_never_panics() {
    let image = picture(4, 60, 50, Color::Rgb, 8, true);
    let bytes = encoded(&image);
    let container = Container::parse(&bytes, &Limits::default()).unwrap();
    let tile = container.tile(0).unwrap();
    let place = tile.as_ptr() as usize - bytes.as_ptr() as usize;
    for at in 0..tile.len() {
        let mut changed = bytes.clone();
        changed[place + at] ^= 1 << (at % 8);
        // With a checksum that holds, the damage gets as far as it can.
        let end = place + tile.len();
        let from = bytes[..place].windows(4).rposition(|four| four == b"DATA").unwrap();
        let crc = crc32c::crc32c(&changed[from..end]);
        changed[end..end + 4].copy_from_slice(&crc.to_le_bytes());
        // Bits that a reader need not look at change nothing.
        assert!(decoder().decode_image(&changed).map_or(true, |decoded| decoded == image), "{at}");
    }
}

/// The first byte of the payload of the first tile.
fn head(bytes: &[u8]) -> u8 {
    Container::parse(bytes, &Limits::default()).unwrap().tile(0).unwrap()[0]
}

#[test]
fn screens_and_photographs_have_their_tools() {
    // Glyphs of 8 × 8 in two colours, repeated.
    let glyph = |x: u32, y: u32| (0x183c_667e_6666_6600_u64 >> (8 * (y % 8) + x % 8)) & 1 == 1;
    let text = (0..120).flat_map(|y| (0..200).map(move |x| glyph(x, y)));
    let text = text.flat_map(|ink| if ink { [20, 20, 40] } else { [240, 240, 235] }).collect();
    let text = Image::new(200, 120, Color::Rgb, Samples::U8(text)).unwrap();
    for effort in [1, 4] {
        let bytes = encoder(effort).encode_image(&text).unwrap().bytes;
        assert!(head(&bytes) & 3 == 1 && bytes.len() < 600, "{}", bytes.len());
        let photograph =
            encoder(effort).encode_image(&picture(4, 200, 120, Color::Rgb, 8, true)).unwrap().bytes;
        assert_eq!(head(&photograph) & 3, 0);
        assert!(decoder().decode_image(&bytes).unwrap() == text);
        assert!(decoder().decode_image(&photograph).unwrap() == picture(4, 200, 120, Color::Rgb, 8, true));
    }
}

#[test]
fn views_have_their_part_of_alpha() {
    let image = picture(0, 1100, 1400, Color::Gray, 16, true);
    let bytes = encoded(&image);
    let region = Region { x: 900, y: 1000, width: 150, height: 64 };
    let part = decoder().decode_view(&bytes, View::default().region(region)).unwrap();
    let (Some(Samples::U16(part)), Some(Samples::U16(all))) = (part.alpha(), image.alpha()) else {
        panic!("alpha")
    };
    for (i, &sample) in part.iter().enumerate() {
        assert_eq!(sample, all[(1000 + i / 150) * 1100 + 900 + i % 150]);
    }
    let eighth = decoder().decode_view(&bytes, View::default().scale(Scale::Eighth)).unwrap();
    assert_eq!((eighth.width(), eighth.height()), (138, 175));
    assert!(eighth.alpha().is_some());
}
