//! FLAC out, through flacenc: integers of 8, 16 or 24 bits, up to eight channels, tags as Vorbis comments.

use crate::error::{At, Error, Result};
use flacenc::component::BitRepr;
use flacenc::error::Verify;
use std::io::Write;
use wavern::signal::{Audio, Metadata, SampleFormat};

/// Bits of the samples in the file; 24 stand for what has more.
fn bits(format: SampleFormat) -> usize {
    match format {
        SampleFormat::U8 => 8,
        SampleFormat::I16 => 16,
        _ => 24,
    }
}

/// What a user should know about a sound of this format as FLAC.
pub fn note(format: SampleFormat) -> Option<String> {
    let exact = matches!(format, SampleFormat::U8 | SampleFormat::I16 | SampleFormat::I24);
    (!exact).then(|| format!("FLAC has integers only: {format:?} became 24 bits, clipped at full scale"))
}

/// Whether FLAC can hold such a sound.
pub fn check(sample_rate: u32, channels: usize) -> Result<()> {
    if channels > 8 || sample_rate > 655_350 {
        let what = format!("FLAC cannot hold {channels} channels at {sample_rate} Hz");
        return Err(Error::usage(format!("{what} (expected at most 8 and 655350, or WAV)")));
    }
    Ok(())
}

/// Writes a whole FLAC file.
pub fn write(audio: &Audio, out: &mut dyn Write) -> Result<()> {
    check(audio.sample_rate(), audio.channels().len())?;
    let bits = bits(audio.format());
    let full_scale = f64::from(1u32 << (bits - 1));
    let integer = |v: f32| (f64::from(v) * full_scale).round().clamp(-full_scale, full_scale - 1.0) as i32;
    let channels = audio.channels();
    let samples: Vec<i32> = (0..audio.frames())
        .flat_map(|frame| channels.iter().map(move |channel| integer(channel[frame])))
        .collect();
    let source = flacenc::source::MemSource::from_samples(
        &samples,
        channels.len(),
        bits,
        audio.sample_rate() as usize,
    );
    let config = flacenc::config::Encoder::default();
    let config = config.into_verified().map_err(|(_, error)| Error::failed(format!("FLAC: {error:?}")))?;
    let stream = flacenc::encode_with_fixed_block_size(&config, source, config.block_size);
    let stream = stream.map_err(|error| Error::failed(format!("FLAC: {error:?}")))?;
    let mut sink = flacenc::bitsink::ByteSink::new();
    stream.write(&mut sink).map_err(|error| Error::failed(format!("FLAC: {error:?}")))?;
    let mut bytes = sink.into_inner();
    // The least block size leaves the last block out (RFC 9639, 8.2); flacenc counts it, and readers take the file for one
    // of changing block sizes then.
    if bytes.len() >= 12 {
        bytes.copy_within(10..12, 8);
    }
    let bytes = with_comments(bytes, &comments(audio.metadata()));
    out.write_all(&bytes).at("writing FLAC")
}

/// Puts a block of comments behind the first block, `STREAMINFO`, which is 34 bytes after 4 of `fLaC` and 4 of its own head.
fn with_comments(mut file: Vec<u8>, comments: &[String]) -> Vec<u8> {
    const END: usize = 4 + 4 + 34;
    const LAST: u8 = 0x80;
    if comments.is_empty() || file.len() < END {
        return file;
    }
    let vendor = b"wavern";
    let mut block = (vendor.len() as u32).to_le_bytes().to_vec();
    block.extend(vendor);
    block.extend((comments.len() as u32).to_le_bytes());
    for comment in comments {
        block.extend((comment.len() as u32).to_le_bytes());
        block.extend(comment.as_bytes());
    }
    let Some(length) = u32::try_from(block.len()).ok().filter(|length| *length < 1 << 24) else {
        return file;
    };
    const COMMENT: u8 = 4;
    let is_last = file[4] & LAST;
    file[4] &= !LAST;
    let [_, a, b, c] = length.to_be_bytes();
    let head = [is_last | COMMENT, a, b, c];
    file.splice(END..END, head.into_iter().chain(block));
    file
}

/// Texts of a RIFF INFO list as `NAME=text`.
fn comments(metadata: &Metadata) -> Vec<String> {
    const NAMES: [(&[u8; 4], &str); 8] = [
        (b"INAM", "TITLE"),
        (b"IART", "ARTIST"),
        (b"IPRD", "ALBUM"),
        (b"IGNR", "GENRE"),
        (b"ICMT", "DESCRIPTION"),
        (b"ICOP", "COPYRIGHT"),
        (b"ICRD", "DATE"),
        (b"ITRK", "TRACKNUMBER"),
    ];
    let lists =
        metadata.riff.iter().filter(|chunk| chunk.starts_with(b"LIST") && chunk.get(8..12) == Some(b"INFO"));
    let mut out = Vec::new();
    for list in lists {
        let mut rest = &list[12..];
        while let Some((head, after)) = rest.split_at_checked(8) {
            let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
            let Some(text) = after.get(..length) else { break };
            let text = String::from_utf8_lossy(text);
            if let Some((_, name)) = NAMES.iter().find(|(id, _)| head.starts_with(*id)) {
                out.push(format!("{name}={}", text.trim_end_matches('\0')));
            }
            rest = after.get(length + length % 2..).unwrap_or_default();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::sound_reader::SoundReader;

    #[test]
    fn samples_and_tags_come_back() {
        let wave = |step: usize| (0..9000).map(|i| ((i * step % 201) as f32 - 100.0) / 128.0).collect();
        let text = b"INFOINAM\x06\0\0\0Hello\0";
        let list = [&b"LIST"[..], &(text.len() as u32).to_le_bytes(), text].concat();
        let metadata = Metadata { riff: vec![list], ..Metadata::default() };
        let audio = Audio::new(44_100, SampleFormat::I16, vec![wave(7), wave(11)]).unwrap();
        let mut file = Vec::new();
        write(&audio.clone().with_metadata(metadata.clone()), &mut file).unwrap();
        let mut reader = SoundReader::open(std::io::Cursor::new(file)).unwrap();
        assert_eq!((reader.sample_rate(), reader.sample_format()), (44_100, SampleFormat::I16));
        let mut back = vec![Vec::new(); 2];
        while let Some(samples) = reader.read().unwrap() {
            back.iter_mut().zip(samples).for_each(|(all, samples)| all.extend(samples));
        }
        assert_eq!(back, audio.channels());
        assert_eq!(reader.finish().0.riff, metadata.riff);
    }
}
