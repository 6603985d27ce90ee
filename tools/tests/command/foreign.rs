//! Pictures as other programs write them, each with something that a careless reader gets wrong: right, or refused by
//! name.

use super::*;
use wavern::{Color, Samples};
use wavern_cli::files::{Reading, read_signal_as};
use wavern_eval::metrics;

pub(super) fn foreign(name: &str) -> PathBuf {
    testdata(&format!("foreign/{name}"))
}

/// A file and what was said about it.
pub(super) fn read(path: &Path, partial: bool) -> (Image, Vec<String>) {
    let reading = Reading { partial, ..Reading::default() };
    let loaded = read_signal_as(&Input::read(path).unwrap(), &reading).unwrap();
    match loaded.signal {
        Signal::Image(image) => (image, loaded.notes),
        Signal::Audio(_) => panic!("{} is a sound", path.display()),
    }
}

/// The picture that most of the files are, more or less.
fn expected() -> Image {
    image(&foreign("png-300dpi-copyright-text.png"))
}

/// The top left corner of a part of the photo, which the smaller files are.
pub(super) fn small() -> Image {
    let photo = image(&testdata("photo.png"));
    let Samples::U8(all) = photo.samples() else { panic!("8 bits") };
    let rows = (60..92).flat_map(|y| all[(y * 384 + 130) * 3..][..48 * 3].iter().copied());
    Image::new(48, 32, Color::Rgb, Samples::U8(rows.collect())).unwrap()
}

/// Runs `encode`; its exit code and what it said.
pub(super) fn encode(file: &Path, folder: &Path, more: &[&str]) -> (i32, String) {
    let output =
        wavern().arg("encode").arg("-f").arg(file).arg(folder.join("out.wvn")).args(more).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn pixels_are_those_that_were_meant() {
    for (name, least, note) in [
        ("jpeg-non-interleaved-420.jpg", 29.0, ""),
        ("jpeg-cmyk-with-cmyk-icc.jpg", 37.0, "CMYK became sRGB by a formula: its profile does not say how"),
        ("jpeg-two-pictures.mpo.jpg", 29.0, "only the first of 2 pictures in this file is taken"),
        ("tiff-bigtiff.tif", 90.0, ""),
        ("tiff-exif-gps-300dpi.tif", 90.0, ""),
        ("tiff-associated-alpha.tif", 28.0, ""),
    ] {
        let (image, notes) = read(&foreign(name), false);
        let psnr = metrics::psnr(&expected(), &image).unwrap();
        assert!(psnr > least, "{name}: {psnr:.2} dB");
        assert_eq!(notes.join("; "), note, "{name}");
    }
    let inks = read(&foreign("jpeg-cmyk-with-cmyk-icc.jpg"), false).0;
    assert_eq!(inks.metadata().icc, None);
    for (name, least, note) in [
        ("qoi-rgb.qoi", 90.0, ""),
        ("gif-two-frames.gif", 22.0, "an animated GIF of 2 pictures: only the first is taken"),
        ("tiff-palette.tif", 22.0, ""),
        ("tiff-planes.tif", 90.0, ""),
        ("tiff-ycbcr.tif", 40.0, ""),
    ] {
        let (image, notes) = read(&foreign(name), false);
        let psnr = metrics::psnr(&small(), &image).unwrap();
        assert!(psnr > least, "{name}: {psnr:.2} dB");
        assert_eq!(notes.join("; "), note, "{name}");
    }
}

#[test]
fn floats_of_a_tiff_are_light_in_16_bits() {
    let gray = |pixel: &[u8]| {
        0.299 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.114 * f64::from(pixel[2])
    };
    let photo = small();
    let Samples::U8(rgb) = photo.samples() else { panic!("8 bits") };
    let (float, notes) = read(&foreign("tiff-float.tif"), false);
    let Samples::U16(samples) = float.samples() else { panic!("16 bits") };
    for (pixel, &sample) in rgb.chunks_exact(3).zip(samples) {
        let value = (gray(pixel) / 255.0).powf(2.2) * 65535.0;
        assert!((value - f64::from(sample)).abs() < 600.0, "{value} {sample}");
    }
    assert_eq!(float.metadata().png_chunk(*b"gAMA"), Some(&100_000u32.to_be_bytes()[..]));
    assert_eq!(notes, ["floats became integers of 16 bits"]);
    assert_eq!(wavern_cli::files::turn::needed(&float).map(|turn| turn.number()), Some(3));
}

/// A TIFF of one strip with these tags besides those of every picture, all numbers of 16 bits.
fn tiff(size: [u16; 2], tags: &[(u16, &[u16])], strip: &[u8]) -> Vec<u8> {
    let end = 8 + 2 + 12 * (tags.len() as u16 + 5) + 4;
    let more: u16 =
        tags.iter().map(|(_, values)| if values.len() > 2 { values.len() as u16 * 2 } else { 0 }).sum();
    let length = [strip.len() as u16];
    let (places, rows) = ([end + more], [size[1]]);
    let mut all =
        [tags, &[(256, &size[..1]), (257, &size[1..]), (273, &places), (278, &rows), (279, &length)]]
            .concat();
    all.sort_by_key(|(tag, _)| *tag);
    let (mut out, mut behind) = (b"II*\0\x08\0\0\0".to_vec(), Vec::new());
    out.extend((all.len() as u16).to_le_bytes());
    for (tag, values) in all {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        out.extend([tag.to_le_bytes(), 3u16.to_le_bytes()].concat());
        out.extend((values.len() as u32).to_le_bytes());
        if bytes.len() > 4 {
            out.extend((u32::from(end) + behind.len() as u32).to_le_bytes());
            behind.extend(bytes);
        } else {
            out.extend([bytes, vec![0; 4]].concat()[..4].to_vec());
        }
    }
    [out, vec![0; 4], behind, strip.to_vec()].concat()
}

#[test]
fn packed_samples_of_a_tiff_fill_their_range() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.tif");
    let (width, height) = (5, 3);
    for (bits, channels, photometric) in [
        (9, 1, 1),
        (10, 1, 0),
        (10, 3, 2),
        (12, 1, 1),
        (12, 3, 2),
        (14, 3, 2),
        (15, 1, 1),
        (4, 3, 2),
        (2, 3, 2),
    ] {
        let most = (1u32 << bits) - 1;
        let values: Vec<u32> = (0..height * width * channels).map(|at| at * 2_654_435 % (most + 1)).collect();
        let mut strip = Vec::new();
        for row in values.chunks((width * channels) as usize) {
            let digits: String = row.iter().map(|value| format!("{value:0bits$b}")).collect();
            let bytes =
                digits.as_bytes().chunks(8).map(|byte| format!("{:0<8}", str::from_utf8(byte).unwrap()));
            strip.extend(bytes.map(|byte| u8::from_str_radix(&byte, 2).unwrap()));
        }
        let depths = vec![bits as u16; channels as usize];
        let tags: [(u16, &[u16]); 4] =
            [(258, &depths), (259, &[1]), (262, &[photometric]), (277, &[channels as u16])];
        let file = tiff([width as u16, height as u16], &tags, &strip);
        fs::write(&path, &file).unwrap();
        let (image, notes) = read(&path, false);
        let (have, range): (Vec<u32>, u32) = match image.samples() {
            Samples::U8(samples) => (samples.iter().map(|&sample| sample.into()).collect(), 255),
            Samples::U16(samples) => (samples.iter().map(|&sample| sample.into()).collect(), 65535),
        };
        let value = |value: &u32| if photometric == 0 { most - value } else { *value };
        let full = |at: &u32| (f64::from(value(at)) * f64::from(range) / f64::from(most)).round() as u32;
        assert_eq!(have, values.iter().map(full).collect::<Vec<_>>(), "{bits} bits, {channels} channels");
        assert_eq!((range == 255, notes.len()), (bits < 8, 0), "{bits} bits");
        // Half of the last row is not there.
        fs::write(&path, &file[..file.len() - strip.len() / 6]).unwrap();
        let (code, said) = encode(&path, folder.path(), &[]);
        assert!(code == 4 && said.contains("TIFF ends too early, in row 2 of 3"), "{bits}: {said}");
    }
    // Of another program, lying on its head, with an orientation that says so.
    let (deep, _) = read(&foreign("tiff-12-bit.tif"), false);
    let (Samples::U16(deep), Samples::U8(rgb)) = (deep.samples().clone(), small().samples().clone()) else {
        panic!("16 bits and 8")
    };
    let gray = |p: &[u8]| 0.299 * f64::from(p[0]) + 0.587 * f64::from(p[1]) + 0.114 * f64::from(p[2]);
    assert!(
        rgb.chunks_exact(3)
            .zip(deep)
            .all(|(pixel, sample)| (gray(pixel) * 257.0 - f64::from(sample)).abs() < 300.0)
    );
}

#[test]
fn a_picture_that_cannot_say_which_side_is_up_is_turned() {
    let folder = tempfile::tempdir().unwrap();
    let name = "jpeg-orientation-6.jpg";
    let file = encoded(&format!("foreign/{name}"), folder.path(), &["-q", "90"]);
    let Signal::Image(stored) = decoded(&file, &folder.path().join("stored.png")) else {
        panic!("a picture")
    };
    assert_eq!((stored.width(), stored.height()), (96, 64));
    let at = |image: &Image, x: usize, y: usize| {
        let Samples::U8(samples) = image.samples() else { panic!("8 bits") };
        samples[(y * image.width() as usize + x) * 3..][..3].to_vec()
    };
    for extension in ["ppm", "bmp", "pnm", "pam"] {
        let path = folder.path().join("turned").with_extension(extension);
        let output = wavern().arg("decode").arg(&file).arg(&path).assert().success();
        let said = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(said.contains("turned upright"), "{said}");
        let turned = image(&path);
        assert_eq!((turned.width(), turned.height()), (64, 96), "{extension}");
        assert!((0..64).all(|x| (0..96).all(|y| at(&turned, x, y) == at(&stored, y, 63 - x))), "{extension}");
    }
    for extension in ["tif", "webp", "png", "jpg"] {
        let path = folder.path().join("kept").with_extension(extension);
        wavern().arg("decode").arg(&file).arg(&path).assert().success();
        let (kept, _) = read(&path, false);
        assert_eq!(wavern_cli::files::turn::needed(&kept).map(|turn| turn.number()), Some(6), "{extension}");
        assert_eq!(kept.width(), 96, "{extension}");
    }
    // Without EXIF nothing says it any more.
    let path = folder.path().join("stripped.png");
    wavern().arg("decode").arg(&file).arg(&path).arg("--strip=exif").assert().success();
    assert_eq!((image(&path).width(), image(&path).metadata().exif.is_none()), (64, true));
    let text = wavern().arg("info").arg(&file).assert().success();
    let text = String::from_utf8(text.get_output().stdout.clone()).unwrap();
    assert!(text.contains("orientation 6, to be turned right"), "{text}");
}

#[test]
fn a_picture_that_ends_too_early_says_where_and_comes_in_part_if_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = encode(&foreign("jpeg-truncated.jpg"), folder.path(), &[]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("JPEG ends too early, in row 31 of 64"), "{said}");
    assert_eq!(names(folder.path()), [] as [&str; 0]);
    let (code, said) = encode(&foreign("jpeg-truncated.jpg"), folder.path(), &["--partial"]);
    assert!(code == 0 && said.contains("note: ") && said.contains("rows 31 to 63 of 64 are gray"), "{said}");
    let originals = [
        "image/gray-64x40.png",
        "image/rgba-64x40.png",
        "image/gray-64x40.jpg",
        "image/progressive-64x40.jpg",
        "image/rgb-64x40.bmp",
        "image/rgb-64x40.ppm",
        "image/ascii-3x2.pgm",
        "image/lzw-64x40.tif",
        "image/lossy-64x40.webp",
        "image/rgba-64x40.webp",
        "foreign/gif-two-frames.gif",
        "foreign/qoi-rgb.qoi",
        "foreign/tiff-exif-gps-300dpi.tif",
        "foreign/tiff-palette.tif",
    ];
    for name in originals {
        let bytes = fs::read(testdata(name)).unwrap();
        let cut = folder.path().join("cut");
        // The second picture of the GIF is left out anyway.
        let part = if name.contains("gif") { 3 } else { 6 };
        fs::write(&cut, &bytes[..bytes.len() * part / 10]).unwrap();
        let (code, said) = encode(&cut, folder.path(), &[]);
        assert_eq!(code, 4, "{name}: {said}");
        let (code, partial) = encode(&cut, folder.path(), &["--partial"]);
        let places =
            said.contains(" row ") || said.contains("directory") || said.contains("before its pixels");
        // What is coded as a whole has no rows before its end.
        let whole =
            ["lossy", "rgba-64x40.webp", "lzw", "ascii", "palette.tif"].iter().any(|one| name.contains(one));
        assert!(places || whole, "{name}: {said}");
        assert!(
            code == 0 && partial.contains("note: ") || code == 4 && (whole || said.contains("directory")),
            "{name}: {partial}"
        );
    }
}

#[test]
fn what_is_no_picture_to_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = encode(&foreign("dng-like-thumbnail-first.dng"), folder.path(), &[]);
    assert!(code == 3 && said.contains("camera raw (DNG)"), "{said}");
    let made: [(&[u8], &str); 4] = [
        (b"\0\0\0\x1cftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x1cftypavif\0\0\0\0avifmif1", "AVIF"),
        (b"II*\0\x10\0\0\0CR\x02\0", "camera raw (CR2)"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01", "camera raw (CR3)"),
    ];
    for (bytes, name) in made {
        let path = folder.path().join("x");
        fs::write(&path, bytes).unwrap();
        let (code, said) = encode(&path, folder.path(), &[]);
        assert!(code == 3 && said.contains(name), "{said}");
    }
}

#[test]
fn what_encodes_decodes_within_the_same_limits() {
    let folder = tempfile::tempdir().unwrap();
    let file = encoded("foreign/png-200000-wide.png", folder.path(), &["-q", "20"]);
    wavern().arg("verify").arg(&file).assert().success();
    let Signal::Image(whole) = decoded(&file, &folder.path().join("whole.png")) else { panic!("a picture") };
    assert_eq!((whole.width(), whole.height()), (200_000, 2));
    // Columns that lie across the border of two bands.
    let part = folder.path().join("part.png");
    let view = ["--region", "81820,0,200,2", "--limit-memory", "64M"];
    wavern().arg("decode").arg(&file).arg(&part).args(view).assert().success();
    let (Samples::U8(all), Samples::U8(part)) = (whole.samples().clone(), image(&part).samples().clone())
    else {
        panic!("8 bits")
    };
    for row in 0..2 {
        assert_eq!(part[row * 600..][..600], all[(row * 200_000 + 81_820) * 3..][..600]);
    }
    let small = folder.path().join("small.png");
    wavern().arg("decode").arg(&file).arg(&small).args(["--scale", "1/8"]).assert().success();
    assert_eq!((image(&small).width(), image(&small).height()), (25_000, 1));
}

#[test]
fn colours_that_cannot_be_seen_cost_next_to_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let name = "foreign/png-cutout-black-under-alpha.png";
    let size = |more: &[&str]| {
        let file = encoded(name, folder.path(), &[&["-f", "-q", "60"], more].concat());
        let path = folder.path().join("back.png");
        wavern().arg("decode").arg("-f").arg(&file).arg(&path).assert().success();
        (fs::metadata(&file).unwrap().len(), rim_error(&image(&testdata(name)), &image(&path)))
    };
    let (extended, kept) = (size(&[]), size(&["--keep-hidden"]));
    assert!(extended.0 * 100 < kept.0 * 96, "{extended:?} {kept:?}");
    assert!(extended.1 < kept.1 * 0.7, "{extended:?} {kept:?}");
}

/// Mean squared error of pixels that can be seen beside one that cannot.
fn rim_error(one: &Image, other: &Image) -> f64 {
    let bytes = |samples: &Samples| match samples {
        Samples::U8(samples) => samples.clone(),
        Samples::U16(_) => panic!("8 bits"),
    };
    let (width, height) = (one.width() as usize, one.height() as usize);
    let (a, b, alpha) = (bytes(one.samples()), bytes(other.samples()), bytes(one.alpha().unwrap()));
    let (mut sum, mut count) = (0.0, 0);
    for y in 2..height - 2 {
        for x in 2..width - 2 {
            let hidden = |dx: usize, dy: usize| alpha[(y + dy - 2) * width + x + dx - 2] == 0;
            if !hidden(2, 2) && (0..5).any(|dx| (0..5).any(|dy| hidden(dx, dy))) {
                for channel in 0..3 {
                    let at = (y * width + x) * 3 + channel;
                    sum += (f64::from(a[at]) - f64::from(b[at])).powi(2);
                    count += 1;
                }
            }
        }
    }
    sum / f64::from(count)
}

#[test]
fn a_jpeg_that_no_decoder_reads_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = fs::read(foreign("jpeg-orientation-6.jpg")).unwrap();
    let frame = bytes.windows(4).position(|part| matches!(part, [0xFF, 0xC0..=0xC2, 0, _])).unwrap();
    let file = folder.path().join("a.jpg");
    for (marker, bits, name) in [
        (0xC9, 8, "a JPEG with arithmetic coding"),
        (0xC3, 8, "a JPEG without loss"),
        (0xC5, 8, "a hierarchical JPEG"),
        (0xC1, 12, "a JPEG of 12 bits"),
    ] {
        let mut other = bytes.clone();
        (other[frame + 1], other[frame + 4]) = (marker, bits);
        fs::write(&file, other).unwrap();
        let (code, said) = encode(&file, folder.path(), &[]);
        assert!(code == 3 && said.contains(name), "{name}: {code}, {said}");
    }
}
