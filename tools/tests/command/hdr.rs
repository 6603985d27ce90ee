//! High dynamic range: a picture of 16 bits in PQ keeps what its samples mean, and how much of them is known.

use super::*;
use wavern::{Color, Metadata, Samples};
use wavern_cli::files::{OutputFormat, write_signal};
use wavern_eval::metrics;

/// Columns of gradients, in front of those of the photograph.
const GRADIENT: usize = 256;

/// Light in candela per square metre → a code value from 0 to 1 (SMPTE ST 2084).
fn pq(nits: f64) -> f64 {
    let light = (nits / 10_000.0).clamp(0.0, 1.0).powf(2610.0 / 16_384.0);
    let (above, below) = (3424.0 / 4096.0 + 2413.0 / 128.0 * light, 1.0 + 2392.0 / 128.0 * light);
    (above / below).powf(2523.0 / 32.0)
}

/// Slow gradients beside the photograph, whose white is 812 nits, in PQ and BT.2020.
fn picture() -> Image {
    let photo = image(&testdata("photo.png"));
    let (width, height) = (photo.width() as usize, photo.height() as usize);
    let Samples::U8(rgb) = photo.samples() else { panic!("8 bits") };
    let linear = |sample: u8| {
        let value = f64::from(sample) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    let rows = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]];
    let mut samples = Vec::new();
    for y in 0..height {
        let down = y as f64 / (height - 1) as f64;
        for x in 0..GRADIENT {
            let across = x as f64 / (GRADIENT - 1) as f64;
            let color =
                [0.1 + 0.6 * across, 0.1 + 0.5 * across * (1.0 - down) + 0.1 * down, 0.2 + 0.4 * down];
            samples.extend(color.map(|value| (value * 65535.0).round() as u16));
        }
        for pixel in rgb[y * width * 3..][..width * 3].chunks_exact(3) {
            let light = [linear(pixel[0]), linear(pixel[1]), linear(pixel[2])];
            let nits = rows.map(|row| 812.0 * (row[0] * light[0] + row[1] * light[1] + row[2] * light[2]));
            samples.extend(nits.map(|nits| (pq(nits) * 65535.0).round() as u16));
        }
    }
    let metadata = Metadata::default()
        .with_png_chunk(*b"cICP", &[9, 16, 0, 1])
        .with_png_chunk(*b"cLLi", &[0, 0x98, 0x96, 0x80, 0, 0x1E, 0x84, 0x80]);
    let (width, height) = ((GRADIENT + width) as u32, height as u32);
    Image::new(width, height, Color::Rgb, Samples::U16(samples)).unwrap().with_metadata(metadata)
}

#[test]
fn sixteen_bits_of_pq_are_more_than_eight() {
    let folder = tempfile::tempdir().unwrap();
    let original = picture();
    let input = folder.path().join("pq.png");
    let mut file = Vec::new();
    write_signal(&Signal::Image(original.clone()), OutputFormat::Png, &mut file).unwrap();
    fs::write(&input, file).unwrap();
    let Samples::U16(samples) = original.samples() else { panic!("16 bits") };
    let rounded = samples.iter().map(|&sample| (f64::from(sample) / 257.0).round() as u16 * 257).collect();
    let rounded = Image::new(original.width(), original.height(), Color::Rgb, Samples::U16(rounded)).unwrap();
    let eight_bits = metrics::psnr(&original, &rounded).unwrap();
    assert!((58.8..59.0).contains(&eight_bits), "{eight_bits:.2} dB");
    let coded = |options: &[&str]| {
        let (file, out) = (folder.path().join("pq.wvn"), folder.path().join("back.png"));
        let assert = wavern().args(["encode", "-f"]).arg(&input).arg(&file).args(options).assert().success();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        wavern().args(["decode", "-f"]).arg(&file).arg(&out).assert().success();
        let back = image(&out);
        assert_eq!(back.metadata(), original.metadata(), "{options:?}");
        let (bytes, psnr) = (fs::metadata(&file).unwrap().len(), metrics::psnr(&original, &back).unwrap());
        println!("{options:?}: {bytes} bytes, {psnr:.2} dB");
        (psnr, said)
    };
    let (bounded, said) = coded(&["--max-error", "64"]);
    assert!(bounded > eight_bits + 6.0 && !said.contains("trained on"), "{bounded:.2} dB: {said}");
    // What is learned is of 8 bits in sRGB, and says so.
    let (learned, said) = coded(&["-q", "100"]);
    assert!(
        learned > 43.0 && said.contains("BT.2020, PQ: outside of what the weights were trained on"),
        "{said}"
    );
    // Where there is no place for code points, a profile says the same.
    let out = folder.path().join("out.tif");
    let assert = wavern().arg("decode").arg(folder.path().join("pq.wvn")).arg(&out).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(
        said.contains("code points of colour became an ICC profile") && said.contains("light levels"),
        "{said}"
    );
    let icc = image(&out).metadata().icc.clone().unwrap();
    let at = icc.windows(4).position(|tag| tag == b"cicp").unwrap();
    let place = u32::from_be_bytes(icc[at + 4..at + 8].try_into().unwrap()) as usize;
    assert_eq!(icc[place + 8..place + 12], [9, 16, 0, 1]);
    let assert = wavern().arg("encode").arg(&out).arg(folder.path().join("again.wvn")).assert().success();
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("BT.2020, PQ: outside"));
}
