//! What is built is what is read, for any fields in range.

mod support;

use proptest::{collection::vec, prelude::*, sample::select};
use support::{code, files};
use wavern_bitstream::{
    AudioHeader, BitDepth, ChunkCode, Color, Container, ContainerBuilder, Header, ImageHeader, Limits,
    MAX_LEVEL, SampleFormat, SoundBuilder, WeightsId, describe, probe,
};

fn image() -> impl Strategy<Value = ImageHeader> {
    // Up to 16 × 16 tiles.
    let sides = (0u8..=3).prop_flat_map(|tile_log2| {
        let most = if tile_log2 == 0 { 1u32 << 14 } else { 16 << (tile_log2 + 7) };
        (Just(tile_log2), 1..=most, 1..=most)
    });
    let color = select(&[Color::Gray, Color::Rgb][..]);
    let depth = select(&[BitDepth::Eight, BitDepth::Sixteen][..]);
    (0..=MAX_LEVEL, color, depth, sides, any::<[u8; 6]>()).prop_map(|(level, color, depth, sides, id)| {
        let ((tile_log2, width, height), weights) = (sides, WeightsId(id));
        ImageHeader { level, color, depth, tile_log2, width, height, weights }
    })
}

fn audio() -> impl Strategy<Value = AudioHeader> {
    use SampleFormat::*;
    let format = select(&[U8, I16, I24, I32, F32, F64][..]);
    let coded = (0..=MAX_LEVEL, any::<[u8; 6]>(), any::<bool>());
    (coded, format, 1u32..=768_000, 1u32..=32, 1u64..=1 << 20).prop_map(
        |((level, id, lossless), format, sample_rate, channels, segment_frames)| {
            let (level, weights) = if lossless { (0, WeightsId::NONE) } else { (level, WeightsId(id)) };
            AudioHeader { level, lossless, format, sample_rate, channels, segment_frames, weights }
        },
    )
}

fn metadata() -> impl Strategy<Value = Vec<(ChunkCode, Vec<u8>)>> {
    let once = [ChunkCode::ICC, ChunkCode::EXIF, ChunkCode::XMP, ChunkCode::IPTC];
    let many = [ChunkCode::PNG, ChunkCode::RIFF, ChunkCode::FLAC, code(b"aaaa"), code(b"zZzZ")];
    let codes = select([&once[..], &many[..]].concat());
    vec((codes, vec(any::<u8>(), 0..300)), 0..8).prop_map(move |mut chunks| {
        let mut seen = Vec::new();
        chunks.retain(|(code, _)| {
            let keep = !once.contains(code) || !seen.contains(code);
            seen.push(*code);
            keep
        });
        chunks
    })
}

proptest! {
    #[test]
    fn any_picture(
        header in image(),
        metadata in metadata(),
        alpha in prop::option::of(vec(any::<u8>(), 0..300)),
        tile in vec(any::<u8>(), 0..40),
    ) {
        let limits = Limits::default();
        // Tiles of different lengths, the empty one among them.
        let tiles: Vec<&[u8]> = (0..header.tile_count() as usize).map(|i| &tile[..i % (tile.len() + 1)]).collect();

        let mut builder = ContainerBuilder::new(header).tiles(tiles.iter().copied());
        for (code, payload) in &metadata {
            builder = builder.metadata(*code, payload);
        }
        if let Some(alpha) = &alpha {
            builder = builder.alpha(alpha);
        }
        let bytes = builder.build(&limits).unwrap();
        prop_assert!(probe(&bytes));
        prop_assert!(bytes.len() as u64 * limits.work_per_byte >= header.pixels());

        for container in [Container::parse(&bytes, &limits).unwrap(), Container::parse_damaged(&bytes, &limits).unwrap()] {
            prop_assert_eq!(container.header(), &Header::Image(header));
            prop_assert_eq!(container.alpha(), alpha.as_deref());
            let read: Vec<_> = container.metadata().chunks().iter().map(|c| (c.code, c.payload.to_vec())).collect();
            prop_assert_eq!(&read, &metadata);
            prop_assert_eq!(container.tile_count(), tiles.len());
            for (index, tile) in tiles.iter().enumerate() {
                prop_assert_eq!(container.tile(index).unwrap(), *tile);
            }
            prop_assert!(container.tile(tiles.len()).is_err());
            prop_assert!(container.damage().is_empty());
        }
    }

    #[test]
    fn any_sound(
        header in audio(),
        metadata in metadata(),
        split in 0usize..8,
        tile in vec(any::<u8>(), 0..40),
        levels in vec(0..=MAX_LEVEL, 0..100),
        last in 1u64..=1 << 20,
    ) {
        let limits = Limits::default();
        let last = last.min(header.segment_frames);
        let payload = |index: usize| &tile[..index % (tile.len() + 1)];
        let (front, back) = metadata.split_at(split.min(metadata.len()));
        let mut bytes = Vec::new();
        let mut builder = SoundBuilder::new(header, &limits, &mut bytes).unwrap();
        front.iter().for_each(|(code, payload)| builder.metadata(*code, payload, &mut bytes).unwrap());
        for (index, level) in levels.iter().enumerate() {
            match index + 1 == levels.len() {
                false => builder.segment(*level, payload(index), &mut bytes).unwrap(),
                true => builder.last_segment(*level, payload(index), last, &mut bytes).unwrap(),
            }
        }
        back.iter().for_each(|(code, payload)| builder.metadata(*code, payload, &mut bytes).unwrap());
        builder.finish(&mut bytes).unwrap();

        let frames = (levels.len() as u64).checked_sub(1).map_or(0, |whole| whole * header.segment_frames + last);
        prop_assert!(bytes.len() as u64 * limits.work_per_byte >= header.samples(frames));
        for container in [Container::parse(&bytes, &limits).unwrap(), Container::parse_damaged(&bytes, &limits).unwrap()] {
            prop_assert_eq!((container.header(), container.frames()), (&Header::Audio(header), Some(frames)));
            let read: Vec<_> = container.metadata().chunks().iter().map(|c| (c.code, c.payload.to_vec())).collect();
            prop_assert_eq!(&read, &metadata);
            prop_assert_eq!(container.segments().len(), levels.len());
            for (index, (segment, level)) in container.segments().iter().zip(&levels).enumerate() {
                let read = (segment.index as usize, segment.level, segment.payload);
                prop_assert_eq!(read, (index, *level, payload(index)));
                prop_assert_eq!(container.tile(index).unwrap(), payload(index));
            }
            prop_assert!(container.tile(levels.len()).is_err());
            prop_assert!(container.damage().is_empty());
        }
    }
}

#[test]
fn metadata_by_name() {
    let files = files();
    let limits = Limits::default();
    let image = Container::parse(&files[1].1, &limits).unwrap();
    assert_eq!(image.metadata().icc(), Some(&b"profile"[..]));
    assert_eq!(image.metadata().exif(), Some(&b"MM\0\x2a"[..]));
    assert_eq!(image.metadata().xmp(), Some(&b"<x:xmpmeta/>"[..]));
    assert_eq!(image.metadata().riff().count(), 0);
    assert_eq!(image.metadata().all(code(b"noTe")).next(), Some(&b"not known to this version"[..]));
    assert_eq!(image.alpha(), Some(&b"alpha"[..]));
    assert_eq!(image.header().weights().to_string(), "d15ea5edcafe");
    assert_eq!(image.header().level(), 700);

    let audio = Container::parse(&files[2].1, &limits).unwrap();
    let riff: Vec<&[u8]> = audio.metadata().riff().collect();
    assert_eq!(riff, [&b"cue \x04\0\0\0\0\0\0\0"[..], b"LIST\x04\0\0\0INFO"]);
    assert_eq!(audio.metadata().icc(), None);
    assert_eq!(audio.header().level(), 1000);
}

#[test]
fn fill_is_no_metadata() {
    let (_, blank) = &files()[4];
    assert_eq!(blank.len(), 4_096 * 2_048 / 65_536);
    let container = Container::parse(blank, &Limits::default()).unwrap();
    assert!(container.metadata().chunks().is_empty());
    assert_eq!(container.tile(0).unwrap(), b".");
}

#[test]
fn description_lists_every_byte_after_the_signature() {
    for (name, bytes) in files() {
        let mut end = 8;
        for chunk in describe(&bytes).unwrap() {
            let chunk = chunk.unwrap();
            assert!(chunk.intact && chunk.offset == end, "{name}: {chunk:?}");
            end = chunk.payload_offset + chunk.length + 4;
        }
        assert_eq!(end, bytes.len() as u64, "{name}");
    }
    let codes: Vec<String> =
        describe(&files()[1].1).unwrap().map(|chunk| chunk.unwrap().code.to_string()).collect();
    assert_eq!(codes, ["IMGH", "iccp", "exif", "noTe", "xmpd", "ALPH", "TABL", "DATA"]);
}

#[test]
fn the_greatest_error_is_that_of_a_picture_without_loss_and_well_formed() {
    let read = |level: u16, payload: &[u8]| {
        let header = ImageHeader { level, ..support::image_header(64, 64) };
        let builder = ContainerBuilder::new(header).metadata(ChunkCode::NEAR, payload).tile(&b"1234567"[..]);
        let file = builder.build(&Limits::default()).unwrap();
        Container::parse(&file, &Limits::default()).unwrap().max_error()
    };
    let exact = wavern_bitstream::LOSSLESS_LEVEL;
    assert_eq!((read(exact, &[3, 0]), read(exact, &[8, 8])), (Some(3), Some(2056)));
    for payload in [&[][..], &[3], &[0, 0], &[3, 0, 0]] {
        assert_eq!(read(exact, payload), None, "{payload:?}");
    }
    assert_eq!(read(700, &[3, 0]), None);
}
