//! Sounds made by other programs: what they hold comes through, or a line says what did not.

use super::*;

/// Encodes a file; what it said, and the sound that comes back as WAV.
fn through(name: &str, folder: &Path) -> (String, Audio) {
    let coded = folder.join("x.wvn");
    let assert = wavern().args(["encode", "-f"]).arg(testdata(name)).arg(&coded).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    let out = folder.join("x.wav");
    wavern().args(["decode", "-f"]).arg(&coded).arg(&out).assert().success();
    (said, audio(&out))
}

/// What a command that must fail with this code says.
fn refused(input: &Path, folder: &Path, code: i32) -> String {
    let assert = wavern().arg("encode").arg(input).arg(folder.join("no.wvn")).assert().code(code);
    assert!(!folder.join("no.wvn").exists());
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

fn notes(said: &str) -> usize {
    said.matches("note: ").count()
}

#[test]
fn every_coding_of_a_wav_is_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, rate, channels, frames) in [
        ("foreign/wav-mu-law.wav", 8000, 1, 4000),
        ("foreign/wav-a-law.wav", 8000, 1, 4000),
        ("foreign/wav-ms-adpcm.wav", 22_050, 1, 12_216),
        ("foreign/wav-ima-adpcm.wav", 22_050, 2, 9153),
        ("foreign/wav-id3-in-front.wav", 22_050, 1, 11_025),
    ] {
        let (said, back) = through(name, folder.path());
        assert_eq!((back.sample_rate(), back.channels().len()), (rate, channels), "{name}");
        assert_eq!((back.frames(), notes(&said)), (frames, 0), "{name}: {said}");
        assert_eq!(back.format(), wavern::SampleFormat::I16, "{name}");
        let loud = back.channels()[0].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        assert!((0.1..=1.0).contains(&loud), "{name}: {loud}");
    }
}

#[test]
fn a_tag_in_front_of_a_wav_becomes_a_chunk() {
    let back = through("foreign/wav-id3-in-front.wav", tempfile::tempdir().unwrap().path()).1;
    let tag = &back.metadata().riff[0];
    assert!(tag.starts_with(b"id3 \xDA\x07\0\0ID3\x03"), "{:?}", &tag[..16]);
}

/// A tag of ID3v2.4 with these frames.
fn id3(frames: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let size = |length: usize| [21, 14, 7, 0].map(|bits| (length >> bits & 0x7F) as u8);
    let frame =
        |(id, content): &(&[u8; 4], &[u8])| [&id[..], &size(content.len()), &[0, 0], content].concat();
    let frames: Vec<u8> = frames.iter().flat_map(frame).collect();
    [&b"ID3\x04\0\0"[..], &size(frames.len()), &frames].concat()
}

#[test]
fn a_tag_of_id3_in_a_wav_becomes_comments_and_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    let tag = id3(&[
        (b"TIT2", b"\x03A title"),
        (b"TXXX", b"\x03ReplayGain_Track_Gain\x00-3 dB"),
        (b"APIC", b"\x03image/png\0\x03front\0PICTURE"),
        (b"PRIV", b"owner\0\xff\xfe"),
    ]);
    let chunk = |id: &[u8; 4], content: &[u8]| {
        let pad = vec![0; content.len() % 2];
        [&id[..], &(content.len() as u32).to_le_bytes(), content, &pad].concat()
    };
    let info = chunk(b"LIST", b"INFOINAM\x06\0\0\0Other\0IGNR\x05\0\0\0Rock\0\0");
    let original = fs::read(testdata("foreign/wav-mu-law.wav")).unwrap();
    let mut file = [original, info, chunk(b"id3 ", &tag)].concat();
    let length = (file.len() - 8) as u32;
    file[4..8].copy_from_slice(&length.to_le_bytes());
    let (input, coded) = (folder.path().join("x.wav"), folder.path().join("x.wvn"));
    fs::write(&input, &file).unwrap();
    wavern().arg("encode").arg(&input).arg(&coded).assert().success();
    let decoded = |name: &str| {
        let out = folder.path().join(name);
        let assert = wavern().args(["decode", "-f"]).arg(&coded).arg(&out).assert().success();
        (String::from_utf8_lossy(&assert.get_output().stderr).into_owned(), out)
    };
    let (said, out) = decoded("out.flac");
    assert!(said.contains("FLAC cannot hold PRIV of ID3: left out"), "{said}");
    let blocks = blocks(&out);
    assert_eq!(blocks.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [4, 6]);
    let has = |block: &[u8], text: &[u8]| block.windows(text.len()).any(|part| part == text);
    for comment in [&b"TITLE=A title"[..], b"REPLAYGAIN_TRACK_GAIN=-3 dB", b"GENRE=Rock"] {
        assert!(has(&blocks[0].1, comment), "{}", String::from_utf8_lossy(&blocks[0].1));
    }
    // ID3 wins over INFO.
    assert!(!has(&blocks[0].1, b"Other") && has(&blocks[1].1, b"image/png") && has(&blocks[1].1, b"PICTURE"));
    let (said, out) = decoded("out.aiff");
    assert!(
        said.contains("RIFF \"id3\"") && has(&fs::read(out).unwrap(), b"NAME\0\0\0\x07A title"),
        "{said}"
    );
    // In a WAV the chunk is what it was.
    let (said, out) = decoded("back.wav");
    let kept =
        audio(&out).metadata().riff.iter().any(|chunk| chunk.starts_with(b"id3 ") && chunk[8..] == tag);
    assert!(kept && notes(&said) == 0, "{said}");
}

#[test]
fn odd_samples_without_a_pad_byte_are_read_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    let (said, back) = through("foreign/wav-odd-data-no-pad.wav", folder.path());
    assert_eq!((back.frames(), notes(&said)), (22_049, 1), "{said}");
    assert!(said.contains("no byte pads the samples"), "{said}");
    assert!(back.metadata().riff[0].starts_with(b"LIST"));
}

#[test]
fn all_parts_of_a_file_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, rate, frames) in
        [("foreign/mp3-two-joined.mp3", 22_050, 22_050), ("foreign/ogg-two-chained.ogg", 22_050, 22_050)]
    {
        let (said, back) = through(name, folder.path());
        assert_eq!((back.sample_rate(), back.frames()), (rate, frames), "{name}");
        assert_eq!(notes(&said), 0, "{said}");
        // Neither half is silent.
        let half = frames / 2;
        for part in [&back.channels()[0][..half], &back.channels()[0][half..]] {
            assert!(part.iter().any(|sample| sample.abs() > 0.1), "{name}");
        }
    }
}

#[test]
fn opus_aac_and_alac_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for (name, rate, channels, frames) in [
        ("foreign/ogg-opus.opus", 48_000, 2, 24_000),
        ("foreign/aac.m4a", 44_100, 2, 17_640),
        ("foreign/alac.m4a", 44_100, 2, 8820),
        ("foreign/alac.caf", 44_100, 2, 8820),
    ] {
        let (said, back) = through(name, folder.path());
        let found = (back.sample_rate(), back.channels().len(), back.frames());
        assert_eq!(found, (rate, channels, frames), "{name}: {said}");
        assert!(back.channels()[0].iter().any(|sample| sample.abs() > 0.1), "{name}");
    }
}

#[test]
fn six_channels_of_opus_are_in_the_order_of_a_wav() {
    let sound = audio(&testdata("foreign/ogg-opus-5.1.opus"));
    assert_eq!((sound.sample_rate(), sound.channels().len(), sound.frames()), (48_000, 6, 14_400));
    // Left, right, centre, bass, and behind left and right; each has a tone of its own.
    for (channel, hertz) in sound.channels().iter().zip([300.0, 500.0, 700.0, 60.0, 1100.0, 1300.0]) {
        let middle = &channel[2400..12_000];
        let crossings = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
        assert!((crossings as f64 - hertz * 0.2).abs() <= 1.5, "{crossings} periods of {hertz} Hz in 0.2 s");
        let loudest = middle.iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
        assert!((0.1..0.15).contains(&loudest), "{loudest}");
    }
}

#[test]
fn floats_of_an_aiff_stay_floats() {
    let folder = tempfile::tempdir().unwrap();
    let name = "foreign/aiff-float-over-full-scale.aiff";
    let (_, back) = through(name, folder.path());
    assert_eq!(back.format(), wavern::SampleFormat::F32);
    let loudest =
        |audio: &Audio| audio.channels()[0].iter().fold(0.0_f32, |most, sample| most.max(sample.abs()));
    assert!(loudest(&audio(&testdata(name))) > 1.19);
    assert!(loudest(&back) > 1.1, "{}", loudest(&back));
    // Out again.
    let out = folder.path().join("x.aif");
    wavern().arg("decode").arg(folder.path().join("x.wvn")).arg(&out).assert().success();
    assert_eq!(audio(&out).channels(), back.channels());
}

#[test]
fn a_sound_that_is_cut_short_is_an_error_with_its_time_or_taken_with_a_note() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "sound.wav",
        "foreign/mp3-two-joined.mp3",
        "foreign/ogg-two-chained.ogg",
        "foreign/ogg-opus.opus",
        "foreign/flac-tags-and-cover.flac",
        "foreign/aiff-float-over-full-scale.aiff",
        "foreign/aac.m4a",
        "foreign/alac.m4a",
        "foreign/wav-mu-law.wav",
        "foreign/wav-ms-adpcm.wav",
    ] {
        let bytes = fs::read(testdata(name)).unwrap();
        let cut = folder.path().join("cut");
        fs::write(&cut, &bytes[..bytes.len() * 3 / 4]).unwrap();
        let said = refused(&cut, folder.path(), 4);
        assert!(said.contains("cut short") && said.contains(" s"), "{name}: {said}");
        let out = folder.path().join("part.wvn");
        let mut part = wavern();
        let assert = part.args(["encode", "-f", "--partial"]).arg(&cut).arg(&out).assert().success();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert_eq!(notes(&said), 1, "{name}: {said}");
        assert!(said.contains("cut short"), "{name}: {said}");
        let Signal::Audio(part) = decoded(&out, &folder.path().join("part.wav")) else { panic!("a picture") };
        fs::remove_file(folder.path().join("part.wav")).unwrap();
        assert!(part.frames() > 1000, "{name}: {} frames", part.frames());
    }
}

#[test]
fn a_change_of_channels_midway_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let joined = folder.path().join("joined");
    let part = |name: &str| fs::read(testdata(name)).unwrap();
    fs::write(&joined, [part("foreign/ogg-two-chained.ogg"), part("foreign/ogg-opus.opus")].concat())
        .unwrap();
    let said = refused(&joined, folder.path(), 4);
    assert!(said.contains("changes from 2 channels at 22050 Hz to 2 at 48000 Hz at "), "{said}");
    let out = folder.path().join("part.wvn");
    let assert = wavern().args(["encode", "--partial"]).arg(&joined).arg(&out).assert().success();
    assert!(String::from_utf8_lossy(&assert.get_output().stderr).contains("note: "));
}

/// The comments and the picture of a FLAC, as its blocks are.
fn blocks(path: &Path) -> Vec<(u8, Vec<u8>)> {
    let bytes = fs::read(path).unwrap();
    let (mut at, mut blocks) = (4, Vec::new());
    loop {
        let (kind, length) =
            (bytes[at], u32::from_be_bytes([0, bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize);
        if [4, 6].contains(&(kind & 0x7F)) {
            blocks.push((kind & 0x7F, bytes[at + 4..at + 4 + length].to_vec()));
        }
        at += 4 + length;
        if kind & 0x80 != 0 {
            return blocks;
        }
    }
}

#[test]
fn comments_and_pictures_of_a_flac_come_back_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let name = "foreign/flac-tags-and-cover.flac";
    let (coded, out) = (encoded(name, folder.path(), &[]), folder.path().join("x.flac"));
    let assert = wavern().arg("decode").arg(&coded).arg(&out).assert().success();
    assert_eq!(notes(&String::from_utf8_lossy(&assert.get_output().stderr)), 0);
    let original = blocks(&testdata(name));
    assert_eq!(original.iter().map(|(kind, _)| *kind).collect::<Vec<_>>(), [4, 6]);
    assert_eq!(blocks(&out), original);

    // A WAV and an AIFF have places for some of it; the rest is named, also for programs.
    for (extension, held) in [("wav", "TITLE"), ("aiff", "TITLE")] {
        let out = folder.path().join("x").with_extension(extension);
        let assert = wavern().args(["decode", "--json"]).arg(&coded).arg(&out).assert().success();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert_eq!(notes(&said), 1, "{said}");
        assert!(said.contains("ALBUMARTIST") && said.contains("cover") && !said.contains(held), "{said}");
        let facts: serde_json::Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
        assert!(facts["notes"][0].as_str().unwrap().contains("ALBUMARTIST"), "{facts}");
    }
    let back = audio(&folder.path().join("x.wav"));
    let info = &back.metadata().riff[0];
    assert!(info.windows(12).any(|part| part == b"INAM\x05\0\0\0Test"), "{info:?}");
}

#[test]
fn tags_of_other_formats_become_comments() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["foreign/tags.mp3", "foreign/tags.ogg", "foreign/aac.m4a"] {
        let (coded, out) = (encoded(name, folder.path(), &[]), folder.path().join("x.flac"));
        wavern().args(["decode", "-f"]).arg(&coded).arg(&out).assert().success();
        let comments = &blocks(&out)[0].1;
        let has =
            |text: &str| comments.windows(text.len()).any(|part| part.eq_ignore_ascii_case(text.as_bytes()));
        for text in ["TITLE=Test", "ARTIST=First", "ALBUMARTIST=Band", "COMMENT=A comment", "TRACKNUMBER=3"] {
            assert!(has(text), "{name}: {text}: {}", String::from_utf8_lossy(comments));
        }
        assert!(blocks(&out).iter().any(|(kind, _)| *kind == 6) || name.ends_with("m4a"), "{name}");
    }
}

#[test]
fn a_list_info_becomes_comments_of_a_flac_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let (coded, out) = (encoded("foreign/wav-mu-law.wav", folder.path(), &[]), folder.path().join("x.flac"));
    decoded(&coded, &out);
    let comments = String::from_utf8_lossy(&blocks(&out)[0].1).into_owned();
    assert!(comments.ends_with("ENCODER=Lavf59.27.100"), "{comments}");
}

#[test]
fn aiff_holds_every_sample_format() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mono-u8-8000", "stereo-s24-96000", "mono-s32-192000", "stereo-f32-48000", "mono-f64-44100"]
    {
        let coded = encoded(&format!("audio/{name}.wav"), folder.path(), &[]);
        let (wav, aiff) = (folder.path().join(name).with_extension("wav"), folder.path().join("x.aiff"));
        decoded(&coded, &wav);
        wavern().args(["decode", "-f"]).arg(&coded).arg(&aiff).assert().success();
        assert_eq!(audio(&aiff).channels(), audio(&wav).channels(), "{name}");
        assert_eq!(audio(&aiff).format(), audio(&wav).format(), "{name}");
    }
}

#[test]
fn what_cannot_be_read_without_its_end_is_cut_short() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut");
    // The lengths of its packets stand at its end.
    let bytes = fs::read(testdata("foreign/alac.caf")).unwrap();
    fs::write(&cut, &bytes[..bytes.len() * 3 / 4]).unwrap();
    assert!(refused(&cut, folder.path(), 4).contains("cut short"));
    // So does the index of an M4A, unless it is moved.
    let bytes = fs::read(testdata("foreign/aac.m4a")).unwrap();
    fs::write(&cut, &bytes[..200]).unwrap();
    assert!(refused(&cut, folder.path(), 4).contains("cut short"));
}

#[test]
fn a_sound_of_a_known_kind_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let page =
        [&b"OggS\0\x02"[..], &[0; 8], &[1, 0, 0, 0], &[0; 8], &[1, 80], b"Speex   ", &[0; 72]].concat();
    for (name, bytes) in [
        ("Speex", &page[..]),
        ("Matroska", b"\x1A\x45\xDF\xA3...."),
        ("AMR", b"#!AMR\n"),
        ("MP2", b"\xFF\xFD\x90\x04"),
    ] {
        fs::write(&path, bytes).unwrap();
        assert!(refused(&path, folder.path(), 3).contains(name), "{name}");
    }
}

#[test]
fn chunks_of_an_aiff_and_a_caf_become_comments_or_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (changed, coded) = (folder.path().join("changed"), folder.path().join("x.wvn"));
    let chunk = |id: &[u8; 4], content: &[u8]| {
        let padding = &[0][..content.len() % 2];
        [&id[..], &(content.len() as u32).to_be_bytes(), content, padding].concat()
    };
    let mut aiff = fs::read(testdata("foreign/aiff-float-over-full-scale.aiff")).unwrap();
    aiff.extend([chunk(b"AUTH", b"First"), chunk(b"INST", &[0; 20]), chunk(b"MARK", b"\0\0")].concat());
    let length = (aiff.len() as u32 - 8).to_be_bytes();
    aiff[4..8].copy_from_slice(&length);
    let info = b"\0\0\0\x02artist\0First\0comments\0Second\0";
    let size = |length: usize| (length as u64).to_be_bytes();
    let mut caf = fs::read(testdata("foreign/alac.caf")).unwrap();
    // Behind the chunk that comes first, whose content has 32 bytes.
    let more = [&b"info"[..], &size(info.len()), info, b"mark", &size(8), &[0; 8]].concat();
    caf.splice(52..52, more);
    for (bytes, comment, note) in [
        (aiff, "ARTIST=First", "chunks of the AIFF left out: INST, MARK\n"),
        (caf, "COMMENT=Second", "chunks of the CAF left out: mark\n"),
    ] {
        fs::write(&changed, bytes).unwrap();
        let assert = wavern().args(["encode", "-f"]).arg(&changed).arg(&coded).assert().success();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(said.contains(note) && notes(&said) == 1, "{said}");
        let out = folder.path().join("x.flac");
        wavern().args(["decode", "-f"]).arg(&coded).arg(&out).assert().success();
        let comments = String::from_utf8_lossy(&blocks(&out)[0].1).into_owned();
        assert!(comments.contains("ARTIST=First") && comments.contains(comment), "{comments}");
        assert!(!comments.contains("ENCODER=First"), "{comments}");
    }
}
