//! Seeking in sound: what comes behind a seek is what a whole decode has there.

use super::goldens::sound;
use super::pipeline::{launch, take};
use gst::prelude::*;
use std::fs;
use wavern::{Audio, EncodeOptions, Encoder, SampleFormat};

const RATE: u32 = 22_050;
/// Frames: some seconds and a bit, so that segments do not end with the sound.
const FRAMES: usize = 7 * RATE as usize + 1234;

/// A file of two channels, with a chirp and some noise.
fn file(lossless: bool) -> Vec<u8> {
    let mut noise = fastrand::Rng::with_seed(7);
    let mut channel = |speed: f32| -> Vec<f32> {
        let sample = |n: usize| (n as f32 * speed * (1.0 + n as f32 * 1e-5)).sin() * 0.4;
        (0..FRAMES).map(|n| sample(n) + noise.f32() * 0.05).collect()
    };
    let audio = Audio::new(RATE, SampleFormat::I16, vec![channel(0.05), channel(0.03)]).unwrap();
    let encoder = Encoder::new(EncodeOptions::new().lossless(lossless)).unwrap();
    encoder.encode_audio(&audio).unwrap().bytes
}

#[test]
fn samples_behind_a_seek_are_those_of_the_whole_sound() {
    for lossless in [false, true] {
        let bytes = file(lossless);
        let path = std::env::temp_dir().join(format!("wavern-seek-{}-{lossless}.wvn", std::process::id()));
        fs::write(&path, &bytes).unwrap();
        let (whole, frame_bytes) = sound(&bytes);
        assert_eq!(whole.len(), FRAMES * frame_bytes);

        let (pipeline, sink) = launch(&format!("filesrc location={} ! wvnaudiodec", path.display()));
        sink.set_property("max-buffers", 3_u32);
        pipeline.set_state(gst::State::Paused).unwrap();
        pipeline.state(gst::ClockTime::from_seconds(60)).0.unwrap();
        let duration = pipeline.query_duration::<gst::ClockTime>().unwrap();
        let nanoseconds = |frame: u64| gst::ClockTime::from_nseconds(frame * 1_000_000_000 / u64::from(RATE));
        assert_eq!(duration, nanoseconds(FRAMES as u64));
        let mut query = gst::query::Seeking::new(gst::Format::Time);
        assert!(pipeline.query(&mut query) && query.result().0);
        pipeline.set_state(gst::State::Playing).unwrap();

        // Forwards, backwards, to the middle of a segment, to its beginning, to the last frame, to the first one.
        let last = FRAMES as u64 - 1;
        for (from, to) in [(50_000, 60_001), (100, 22_050), (131_072, last), (last, last + 1), (0, last + 1)]
        {
            let (start, stop) = (nanoseconds(from), nanoseconds(to));
            let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::ACCURATE;
            let (set, seek) = (gst::SeekType::Set, gst::SeekFlags::empty());
            pipeline.seek(1.0, flags | seek, set, start, set, stop).unwrap();
            let output = take(&pipeline, &sink).unwrap();
            let expected = &whole[from as usize * frame_bytes..to as usize * frame_bytes];
            assert!(output.bytes() == expected, "lossless {lossless}, frames {from} to {to}");
            assert_eq!(output.buffers[0].pts(), Some(start));
            assert!(output.buffers[0].flags().contains(gst::BufferFlags::DISCONT));
        }
        // What cannot be played is refused, and playing goes on.
        let backwards = pipeline.seek(
            -1.0,
            gst::SeekFlags::FLUSH,
            gst::SeekType::Set,
            gst::ClockTime::ZERO,
            gst::SeekType::Set,
            nanoseconds(1000),
        );
        assert!(backwards.is_err());
        pipeline.seek_simple(gst::SeekFlags::FLUSH, nanoseconds(last - 9)).unwrap();
        assert_eq!(take(&pipeline, &sink).unwrap().bytes(), whole[whole.len() - 10 * frame_bytes..]);
        pipeline.set_state(gst::State::Null).unwrap();
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_sound_that_is_pushed_says_that_it_cannot_seek() {
    let path = std::env::temp_dir().join(format!("wavern-push-{}.wvn", std::process::id()));
    fs::write(&path, file(false)).unwrap();
    let (pipeline, sink) = launch(&format!("filesrc location={} ! queue ! wvnaudiodec", path.display()));
    pipeline.set_state(gst::State::Paused).unwrap();
    pipeline.state(gst::ClockTime::from_seconds(60)).0.unwrap();
    let mut query = gst::query::Seeking::new(gst::Format::Time);
    assert!(!pipeline.query(&mut query) || !query.result().0);
    assert!(pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::SECOND).is_err());
    pipeline.set_state(gst::State::Playing).unwrap();
    let output = take(&pipeline, &sink).unwrap();
    assert!(output.bytes() == sound(&fs::read(&path).unwrap()).0);
    pipeline.set_state(gst::State::Null).unwrap();
    fs::remove_file(&path).unwrap();
}
