//! Every golden file comes out as the library decodes it.

use super::pipeline::{Output, run, run_bytes};
use super::{files, is_sound};
use gst_video::VideoFrameExt;
use wavern::{Color, Decoder, Image, SampleFormat, Samples};

/// Samples of a picture as GStreamer has them: three colours where there is alpha, alpha where there are 16 bits.
pub fn expected(image: &Image) -> Vec<u16> {
    let wide = |samples: &Samples| match samples {
        Samples::U8(samples) => samples.iter().map(|sample| u16::from(*sample)).collect(),
        Samples::U16(samples) => samples.clone(),
    };
    let colors: Vec<u16> = wide(image.samples());
    let alpha = image.alpha().map(wide);
    if alpha.is_none() && (image.depth() == 8 || image.color() == Color::Gray) {
        return colors;
    }
    let alpha = alpha.unwrap_or_else(|| vec![u16::MAX; image.pixels()]);
    let mut out = Vec::new();
    for (pixel, alpha) in colors.chunks(image.color().channels()).zip(alpha) {
        let rgb = [pixel[0], pixel[pixel.len() / 2], pixel[pixel.len() - 1]];
        // RGBA in 8 bits, ARGB in 16.
        match image.depth() {
            8 => out.extend([rgb[0], rgb[1], rgb[2], alpha]),
            _ => out.extend([alpha, rgb[0], rgb[1], rgb[2]]),
        }
    }
    out
}

/// The samples of a frame, without the gaps between rows.
pub fn samples(output: &Output, frame: usize) -> Vec<u16> {
    let info = gst_video::VideoInfo::from_caps(output.caps.as_ref().unwrap()).unwrap();
    let frame = gst_video::VideoFrame::from_buffer_readable(output.buffers[frame].clone(), &info).unwrap();
    let row = frame.width() as usize * frame.comp_pstride(0) as usize;
    let rows = frame.plane_data(0).unwrap().chunks(frame.plane_stride()[0] as usize);
    let bytes: Vec<u8> =
        rows.take(frame.height() as usize).flat_map(|bytes| &bytes[..row]).copied().collect();
    match frame.comp_depth(0) {
        8 => bytes.into_iter().map(u16::from).collect(),
        _ => bytes.as_chunks().0.iter().map(|two| u16::from_ne_bytes(*two)).collect(),
    }
}

#[test]
fn every_golden_picture_is_the_same() {
    let decoder = Decoder::new(Default::default()).unwrap();
    let mut formats = std::collections::BTreeSet::new();
    for (path, file) in files("golden").into_iter().filter(|(_, file)| !is_sound(file)) {
        let image = decoder.decode_image(&file).unwrap();
        for output in [
            run(&format!("filesrc location={} ! wvndec", path.display())),
            run_bytes(&file, 1000, "wvndec"),
            run_bytes(&file, file.len(), "wvndec"),
        ] {
            let output = output.unwrap();
            assert_eq!(output.buffers.len(), 1, "{}", path.display());
            assert_eq!(samples(&output, 0), expected(&image), "{}", path.display());
            let caps = output.caps.as_ref().unwrap().structure(0).unwrap();
            formats.insert(caps.get::<String>("format").unwrap());
        }
    }
    assert_eq!(formats.len(), 5, "{formats:?}");
}

#[test]
fn the_type_of_every_golden_file_is_found() {
    for (path, file) in files("golden") {
        let (decoder, caps) =
            if is_sound(&file) { ("wvnaudiodec", "audio/x-wavern") } else { ("wvndec", "image/x-wavern") };
        let typed = run(&format!("filesrc location={} ! typefind ! {caps}", path.display())).unwrap();
        assert_eq!(typed.bytes(), file);
        assert!(run(&format!("filesrc location={} ! typefind ! {decoder}", path.display())).is_ok());
    }
}

/// The bytes of a sound in the format that its file says, by the rules of the command.
pub fn sound(file: &[u8]) -> (Vec<u8>, usize) {
    let decoder = Decoder::new(Default::default()).unwrap();
    let mut reader = decoder.sound_reader(file).unwrap();
    let format = reader.header().format;
    let mut out = Vec::new();
    while let Some(piece) = reader.read_exact().unwrap() {
        for frame in 0..piece[0].len() {
            for channel in &piece {
                let sample = channel[frame];
                let integer = |bits: i32| {
                    let scale = 2.0_f64.powi(bits - 1);
                    (sample * scale).round().clamp(-scale, scale - 1.0) as i32
                };
                match format {
                    SampleFormat::U8 => out.push((integer(8) + 128) as u8),
                    SampleFormat::I16 => out.extend((integer(16) as i16).to_le_bytes()),
                    SampleFormat::I24 => out.extend(&integer(24).to_le_bytes()[..3]),
                    SampleFormat::I32 => out.extend(integer(32).to_le_bytes()),
                    SampleFormat::F32 => out.extend((sample as f32).to_le_bytes()),
                    _ => out.extend(sample.to_le_bytes()),
                }
            }
        }
    }
    (out, format.bytes() * reader.header().channels as usize)
}

#[test]
fn every_golden_sound_is_the_same() {
    let mut count = 0;
    for (path, file) in files("golden").into_iter().filter(|(_, file)| is_sound(file)) {
        let (expected, _) = sound(&file);
        for output in [
            run(&format!("filesrc location={} ! wvnaudiodec", path.display())),
            run_bytes(&file, 777, "wvnaudiodec"),
            run_bytes(&file, file.len(), "wvnaudiodec"),
        ] {
            let output = output.unwrap();
            assert!(output.bytes() == expected, "{}", path.display());
            // The end of a buffer is the beginning of the next one.
            for two in output.buffers.windows(2) {
                assert_eq!(two[0].pts().unwrap() + two[0].duration().unwrap(), two[1].pts().unwrap());
            }
        }
        count += 1;
    }
    assert!(count >= 5);
}
