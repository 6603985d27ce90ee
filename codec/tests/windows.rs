//! Tiles of a side that is asked for, and latents of some positions alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests may fail as tests do")]

use wavern::{
    Array, Audio, Color, Decoder, Effort, EncodeOptions, Encoder, Error, Image, Latents, PictureOptions,
    SampleFormat, Samples, Window,
};
use wavern_bitstream::{Container, ContainerBuilder, Header, Limits};

fn picture(width: u32, height: u32) -> Image {
    let shade = |at: u32| {
        let (x, y) = (at % width, at / width);
        ((x * x / 97 + y * 3) % 230 + at.wrapping_mul(2_654_435_761) % 17) as u8
    };
    Image::new(width, height, Color::Gray, Samples::U8((0..width * height).map(shade).collect())).unwrap()
}

fn tiled(image: &Image, side: Option<u32>, effort: u8) -> Vec<u8> {
    let picture = PictureOptions::new();
    let picture = side.map_or(picture.clone(), |side| picture.tile_side(side));
    let options = EncodeOptions::new().effort(Effort::new(effort).unwrap()).picture(picture);
    Encoder::new(options).unwrap().encode_image(image).unwrap().bytes
}

fn decoder() -> Decoder {
    Decoder::new(Default::default()).unwrap()
}

/// The same rectangle, cut out of all of it; of ẑ, the blocks that it touches.
fn cut(whole: &Latents, window: Window, [v, u]: [usize; 2]) -> Latents {
    fn part<T: Copy + Default>(array: &Array<T>, rows: [usize; 2], columns: [usize; 2]) -> Array<T> {
        let [_, width, channels] = array.shape();
        let mut data = Vec::new();
        for row in rows[0]..rows[1] {
            data.extend_from_slice(
                &array.data()[(row * width + columns[0]) * channels..(row * width + columns[1]) * channels],
            );
        }
        Array::from_vec([rows[1] - rows[0], columns[1] - columns[0], channels], data)
    }
    let (rows, columns) = (window.row_range(), window.column_range());
    let all = ([rows.start, rows.end], [columns.start, columns.end]);
    Latents {
        y: part(&whole.y, all.0, all.1),
        residual: part(&whole.residual, all.0, all.1),
        z: part(
            &whole.z,
            [rows.start / v, rows.end.div_ceil(v)],
            [columns.start / u, columns.end.div_ceil(u)],
        ),
    }
}

#[test]
fn tiles_have_the_side_that_was_asked_for_and_change_no_latent_by_a_search_of_none() {
    let image = picture(600, 300);
    let whole = decoder().latents(&tiled(&image, None, 1)).unwrap();
    for (side, tiles) in [(256, 6), (512, 2), (1024, 1)] {
        let bytes = tiled(&image, Some(side), 1);
        let container = Container::parse(&bytes, &Limits::default()).unwrap();
        let Header::Image(header) = container.header() else { panic!("a picture") };
        assert_eq!(header.tile_count(), tiles);
        let latents = decoder().latents(&bytes).unwrap();
        assert_eq!(latents[0].y, whole[0].y, "symbols do not depend on tiles, what predicts them does");
        decoder().decode(&bytes).unwrap();
        let searched = tiled(&image, Some(side), 2);
        assert_eq!(Container::parse(&searched, &Limits::default()).unwrap().header(), container.header());
        decoder().decode(&searched).unwrap();
    }
    assert_eq!(tiled(&image, Some(1024), 1), tiled(&image, None, 1));
    for side in [0, 128, 300, 4096] {
        let options = EncodeOptions::new().picture(PictureOptions::new().tile_side(side));
        assert!(matches!(Encoder::new(options), Err(Error::Option { option: "tile-side", .. })), "{side}");
    }
}

#[test]
fn a_window_of_latents_is_cut_out_of_them_and_reads_its_tiles_only() {
    let bytes = tiled(&picture(600, 300), Some(256), 1);
    let whole = decoder().latents(&bytes).unwrap().remove(0);
    assert_eq!(whole.y.shape()[..2], [19, 38]);
    for (row, column, rows, columns) in
        [(0, 0, 19, 38), (0, 0, 1, 1), (18, 37, 1, 1), (3, 5, 7, 9), (15, 15, 2, 18)]
    {
        let window = Window { row, column, rows, columns };
        let part = decoder().latents_window(&bytes, window).unwrap().remove(0);
        assert_eq!(part, cut(&whole, window, [4, 4]), "{window:?}");
    }

    // All tiles but the second are made unreadable, with checksums that hold.
    let limits = Limits::default();
    let container = Container::parse(&bytes, &limits).unwrap();
    let Header::Image(header) = *container.header() else { panic!("a picture") };
    let tiles = (0..6).map(|index| {
        let tile = container.tile(index).unwrap().to_vec();
        if index == 1 { tile } else { vec![0x5a; tile.len()] }
    });
    let bytes = ContainerBuilder::new(header).tiles(tiles).build(&limits).unwrap();
    let window = Window { row: 2, column: 16, rows: 14, columns: 16 };
    let part = decoder().latents_window(&bytes, window).unwrap().remove(0);
    assert_eq!(part, cut(&whole, window, [4, 4]));
    assert!(decoder().latents_window(&bytes, Window { columns: 17, ..window }).is_err());
}

#[test]
fn a_window_of_a_sound_is_cut_out_of_it_and_reads_its_segments_only() {
    let wave = |at: usize, step: f32| (at as f32 * step).sin() * 0.3 + (at as f32 * step * 7.1).sin() * 0.1;
    for channels in [1, 2, 3] {
        let samples = (0..channels).map(|c| (0..20_000).map(|at| wave(at, 0.05 + c as f32 * 0.01)).collect());
        let audio = Audio::new(8000, SampleFormat::F32, samples.collect()).unwrap();
        let bytes = Encoder::new(Default::default()).unwrap().encode_audio(&audio).unwrap().bytes;
        let whole = decoder().latents(&bytes).unwrap();
        let frames = whole[0].y.shape()[1];
        let block = 8000 / 256 / 4 * 4; // frames of a segment
        let stride = [1, 4];
        for (column, columns) in
            [(0, frames), (0, 1), (frames - 1, 1), (block - 1, 2), (block, block), (5, 50)]
        {
            let window = Window { row: 0, column, rows: 1, columns };
            let parts = decoder().latents_window(&bytes, window).unwrap();
            let wanted: Vec<Latents> = whole.iter().map(|group| cut(group, window, stride)).collect();
            assert_eq!(parts, wanted, "{channels} channels, {window:?}");
        }
    }
}

#[test]
fn windows_outside_are_refused() {
    let bytes = tiled(&picture(600, 300), None, 1);
    let inside = Window { row: 0, column: 0, rows: 19, columns: 38 };
    for window in [
        Window { rows: 0, ..inside },
        Window { columns: 0, ..inside },
        Window { rows: 20, ..inside },
        Window { column: 1, ..inside },
        Window { row: usize::MAX, ..inside },
        Window { columns: usize::MAX, ..inside },
    ] {
        let error = decoder().latents_window(&bytes, window).unwrap_err();
        assert!(matches!(error, Error::Option { option: "window", .. }), "{error}");
    }
}
