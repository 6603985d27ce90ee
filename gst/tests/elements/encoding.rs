//! What the encoders write is what the library writes for the same frames and samples.

use super::goldens::samples;
use super::pipeline::{launch, run, run_bytes};
use gst::prelude::*;
use wavern::{Audio, Color, EncodeOptions, Encoder, Image, Metadata, PictureOptions, Quality, Samples, Tune};

/// Frames of a test picture, each a little different, and their bytes as GStreamer has them.
fn frames(count: usize, channels: usize) -> Vec<Vec<u8>> {
    let mut noise = fastrand::Rng::with_seed(3);
    let frame = |index: usize, noise: &mut fastrand::Rng| {
        let pixel = |at: usize| ((at / channels % 40 * 5 + at * 3 + index * 20) % 256) as u8 ^ noise.u8(..4);
        let bytes: Vec<u8> = (0..40 * 30 * channels).map(pixel).collect();
        bytes
    };
    (0..count).map(|index| frame(index, &mut noise)).collect()
}

/// Encodes raw frames. Rows of 40 pixels need no padding.
fn encode(frames: &[Vec<u8>], format: &str, element: &str) -> Result<super::pipeline::Output, String> {
    let caps = format!("video/x-raw,format={format},width=40,height=30,framerate=25/1");
    let (pipeline, sink) = launch(&format!("appsrc name=in format=time caps={caps} ! {element}"));
    let source: gst_app::AppSrc = pipeline.by_name("in").unwrap().downcast().unwrap();
    for (index, frame) in frames.iter().enumerate() {
        let mut buffer = gst::Buffer::from_slice(frame.clone());
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(40 * index as u64));
        source.push_buffer(buffer).unwrap();
    }
    source.end_of_stream().unwrap();
    super::pipeline::collect(&pipeline, &sink)
}

#[test]
fn every_frame_is_the_file_that_the_library_writes() {
    let frames = frames(3, 3);
    for (properties, options) in [
        ("", EncodeOptions::new()),
        ("quality=85 threads=2", EncodeOptions::new().quality(Quality::new(85.0).unwrap())),
        ("lossless=true", EncodeOptions::new().lossless(true)),
        ("tune=visual", EncodeOptions::new().picture(PictureOptions::new().tune(Tune::Visual))),
        ("max-error=2", EncodeOptions::new().picture(PictureOptions::new().max_error(2))),
    ] {
        let encoder = Encoder::new(options).unwrap();
        let expected: Vec<Vec<u8>> = frames
            .iter()
            .map(|frame| {
                let image = Image::new(40, 30, Color::Rgb, Samples::U8(frame.clone())).unwrap();
                encoder.encode_image(&image).unwrap().bytes
            })
            .collect();
        let output = encode(&frames, "RGB", &format!("wvnenc {properties}")).unwrap();
        let files: Vec<Vec<u8>> = output.buffers.iter().map(|b| b.map_readable().unwrap().to_vec()).collect();
        assert_eq!(files, expected, "{properties}");
        let caps = output.caps.as_ref().unwrap().structure(0).unwrap();
        assert_eq!(
            (caps.name().as_str(), caps.get("width"), caps.get("height")),
            ("image/x-wavern", Ok(40), Ok(30))
        );

        // One behind the other they are decoded again: as frames, and as a stream of bytes without a word.
        let back = encode(&frames, "RGB", &format!("wvnenc {properties} ! wvndec")).unwrap();
        let stream = run_bytes(&expected.concat(), 333, "wvndec").unwrap();
        assert_eq!((back.buffers.len(), stream.buffers.len()), (3, 3));
        assert_eq!(back.buffers[2].pts(), Some(gst::ClockTime::from_mseconds(80)));
        for (index, frame) in frames.iter().enumerate() {
            assert_eq!(samples(&back, index), samples(&stream, index));
            if properties.starts_with("lossless") {
                assert_eq!(samples(&back, index), frame.iter().map(|s| u16::from(*s)).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn one_frame_ends_a_snapshot() {
    let output = encode(&frames(3, 3), "RGB", "wvnenc snapshot=true").unwrap();
    assert_eq!(output.buffers.len(), 1);
}

#[test]
fn all_formats_come_back_without_loss() {
    for (format, channels) in [("RGB", 3), ("RGBA", 4), ("GRAY8", 1), ("GRAY16_LE", 2), ("ARGB64", 8)] {
        let frame = frames(1, channels);
        let output = encode(&frame, format, "wvnenc lossless=true ! wvndec").unwrap();
        let expected: Vec<u16> = match channels {
            1 | 3 | 4 => frame[0].iter().map(|sample| u16::from(*sample)).collect(),
            _ => frame[0].as_chunks().0.iter().map(|two| u16::from_ne_bytes(*two)).collect(),
        };
        assert_eq!(samples(&output, 0), expected, "{format}");
    }
}

#[test]
fn the_side_that_is_up_is_kept() {
    let tagged = "taginject tags=\"image-orientation=rotate-90\" ! wvnenc ! wvndec";
    let output = encode(&frames(1, 3), "RGB", tagged).unwrap();
    assert_eq!(output.all_tags().get::<gst::tags::ImageOrientation>().unwrap().get(), "rotate-90");
}

#[test]
fn what_makes_no_sense_is_an_error_with_a_sentence() {
    for (properties, expected) in [
        ("wvnenc tile-side=300", "tile-side: 300 (expected 256, 512, 1024 or 2048)"),
        ("wvnenc target-size=900 target-psnr=30", "more than one of size, rate and PSNR"),
        ("wvnenc lossless=true target-size=900", "lossless: a size"),
    ] {
        let error = encode(&frames(1, 3), "RGB", properties).err().unwrap();
        assert!(error.starts_with("This cannot be encoded: ") && error.contains(expected), "{error}");
    }
    let nan = f32::NAN.to_le_bytes().repeat(2000);
    let caps = "audio/x-raw,format=F32LE,rate=8000,channels=1,layout=interleaved";
    let error = run_bytes(&nan, 8000, &format!("capsfilter caps={caps} ! wvnaudioenc")).err().unwrap();
    assert!(error.contains("is NaN (expected a finite number)"), "{error}");
}

#[test]
fn a_sound_is_the_file_that_the_library_writes() {
    let wav = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/audio/");
    for (format, channels) in
        [("S16LE", 2), ("U8", 1), ("S24LE", 2), ("S32LE", 1), ("F32LE", 6), ("F64LE", 1)]
    {
        for (properties, options) in [
            ("", EncodeOptions::new()),
            ("lossless=true", EncodeOptions::new().lossless(true)),
            ("low-delay=true", EncodeOptions::new().sound(wavern::SoundOptions::new().low_delay(true))),
            ("bitrate=96000", EncodeOptions::new().sound(wavern::SoundOptions::new().bitrate(96_000))),
        ] {
            let caps =
                format!("audio/x-raw,format={format},rate=16000,channels={channels},layout=interleaved");
            // Six channels need a word on loudspeakers; these are the usual ones.
            let caps = if channels > 2 { format!("{caps},channel-mask=(bitmask)0x3f") } else { caps };
            let source = "audiotestsrc num-buffers=40 wave=pink-noise ! audioconvert";
            let samples = run(&format!("{source} ! {caps}")).unwrap();
            let encoder = format!("capsfilter caps={caps} ! wvnaudioenc {properties}");
            let file = run_bytes(&samples.bytes(), 48_000, &encoder).unwrap().bytes();

            let back = run_bytes(&file, 4096, "wvnaudiodec").unwrap();
            if properties.starts_with("lossless") {
                assert!(back.bytes() == samples.bytes(), "{format}");
            }
            assert_eq!(back.bytes().len(), samples.bytes().len());
            let info = gst_audio::AudioInfo::from_caps(back.caps.as_ref().unwrap()).unwrap();
            assert_eq!((info.format().to_str().as_str(), info.channels()), (format, channels));

            let encoder = Encoder::new(options).unwrap();
            let expected =
                encoder.encode_audio(&audio(&samples.bytes(), format, channels as usize)).unwrap().bytes;
            if format != "S32LE" && format != "F64LE" {
                assert!(
                    file == expected,
                    "{format} {properties}: {} and {} bytes",
                    file.len(),
                    expected.len()
                );
            }
        }
    }
    // No samples at all.
    let empty = run(&format!("filesrc location={wav}no-samples.wav ! wavparse ! wvnaudioenc ! wvnaudiodec"));
    assert!(empty.is_err() || empty.is_ok_and(|output| output.buffers.is_empty()));
}

/// Interleaved samples as a sound of the library, which holds those of up to 24 bits exactly.
fn audio(bytes: &[u8], format: &str, channels: usize) -> Audio {
    use wavern::SampleFormat as Format;
    let (width, format) = match format {
        "U8" => (1, Format::U8),
        "S16LE" => (2, Format::I16),
        "S24LE" => (3, Format::I24),
        "S32LE" => (4, Format::I32),
        "F32LE" => (4, Format::F32),
        _ => (8, Format::F64),
    };
    let sample = |bytes: &[u8]| -> f32 {
        match (format, bytes) {
            (Format::U8, &[a]) => (f32::from(a) - 128.0) / 128.0,
            (Format::I16, &[a, b]) => f32::from(i16::from_le_bytes([a, b])) / 32_768.0,
            (Format::I24, &[a, b, c]) => (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 / 8_388_608.0,
            (Format::I32, bytes) => {
                i32::from_le_bytes(*bytes.first_chunk().unwrap()) as f32 / 2_147_483_648.0
            }
            (Format::F32, bytes) => f32::from_le_bytes(*bytes.first_chunk().unwrap()),
            (_, bytes) => f64::from_le_bytes(*bytes.first_chunk().unwrap()) as f32,
        }
    };
    let mut out = vec![Vec::new(); channels];
    for (index, bytes) in bytes.chunks(width).enumerate() {
        out[index % channels].push(sample(bytes));
    }
    Audio::new(16_000, format, out).unwrap().with_metadata(Metadata::default())
}

#[test]
fn tags_of_a_sound_are_kept() {
    let source =
        "audiotestsrc num-buffers=4 ! taginject tags=\"title=Ton,artist=Niemand,track-number=(uint)3\"";
    let output = run(&format!("{source} ! wvnaudioenc ! wvnaudiodec")).unwrap();
    assert_eq!(output.all_tags().get::<gst::tags::Title>().unwrap().get(), "Ton");
    assert_eq!(output.all_tags().get::<gst::tags::TrackNumber>().unwrap().get(), 3);
    assert_eq!(output.all_tags().get::<gst::tags::AudioCodec>().unwrap().get(), "Wavern");
}
