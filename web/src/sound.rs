//! Sounds: files to planar f32, and back.

use crate::failure::Failure;
use crate::models::Models;
use crate::reply::Reply;
use crate::request;
use crate::{metadata, picture};
use serde_json::{Value, json};
use wavern::{Audio, Encoder, Error, SampleFormat, SoundOptions};

/// Names of sample formats, in the order of [`SampleFormat::ALL`].
const NAMES: [&str; 6] = ["u8", "i16", "i24", "i32", "f32", "f64"];

/// The name of a format.
pub fn format_name(format: SampleFormat) -> &'static str {
    SampleFormat::ALL.iter().position(|known| *known == format).map_or("unknown", |at| NAMES[at])
}

/// Decodes a sound. Body: little-endian f32, `[channels, frames]`, then the metadata.
pub fn decode(models: &Models, options: &request::Decode, file: &[u8]) -> Result<Reply, Failure> {
    let decoder = models.decoder(options.limits, file)?;
    let mut damage = Value::Null;
    let audio = if options.partial {
        let mut reader = decoder.sound_reader_partial(file)?;
        let mut channels = vec![Vec::new(); reader.header().channels as usize];
        while let Some(piece) = reader.read()? {
            channels.iter_mut().zip(piece).for_each(|(to, from)| to.extend(from));
        }
        let (rate, format) = (reader.header().sample_rate, reader.header().format);
        let metadata = reader.metadata().clone();
        let lost: u64 = reader.gaps().iter().map(|gap| gap.end - gap.start).sum();
        let faults: Vec<String> = reader.damage().iter().map(ToString::to_string).collect();
        damage = json!({ "faults": faults, "lost": lost });
        Audio::new(rate, format, channels).map_err(Error::from)?.with_metadata(metadata)
    } else {
        decoder.decode_audio(file)?
    };
    let mut body = Vec::with_capacity(4 * audio.frames() * audio.channels().len());
    for channel in audio.channels() {
        body.extend(channel.iter().flat_map(|sample| sample.to_le_bytes()));
    }
    let metadata = metadata::append(audio.metadata(), &mut body);
    let head = json!({
        "kind": "audio", "sampleRate": audio.sample_rate(), "channels": audio.channels().len(),
        "frames": audio.frames(), "format": format_name(audio.format()), "metadata": metadata, "damage": damage,
    });
    Ok(Reply { head, body })
}

/// Codes a sound.
pub fn encode(models: &Models, options: &request::EncodeAudio, body: &[u8]) -> Result<Reply, Failure> {
    let channels = channels(body, options.channels)?;
    let format = match options.format.as_deref() {
        None => natural_format(&channels),
        Some(name) => {
            let at = NAMES.iter().position(|known| *known == name);
            at.map(|at| SampleFormat::ALL[at]).ok_or_else(|| {
                Failure::option("format", format!("{name} (expected one of {})", NAMES.join(", ")))
            })?
        }
    };
    let audio = Audio::new(options.sample_rate, format, channels).map_err(Error::from)?;
    let mut all = picture::common(options.quality, options.effort, options.lossless)?;
    if let Some(bitrate) = options.bitrate {
        if options.quality.is_some() {
            return Err(Failure::option("bitrate", "a quality as well"));
        }
        all = all.sound(SoundOptions::new().bitrate(bitrate));
    }
    if !options.lossless {
        all = all.weights(models.weights(options.weights.as_deref(), wavern::Kind::Audio)?);
    }
    let encoded = Encoder::new(all)?.encode_audio(&audio)?;
    Ok(Reply { head: json!({ "level": encoded.level, "format": format_name(format) }), body: encoded.bytes })
}

/// Channels of one length from little-endian f32.
fn channels(body: &[u8], count: usize) -> Result<Vec<Vec<f32>>, Failure> {
    if !(1..=Audio::MAX_CHANNELS).contains(&count) || !body.len().is_multiple_of(4 * count) {
        let have = body.len();
        return Err(Failure::new(
            "signal",
            format!("{have} bytes (expected f32 for 1 to 32 channels, not {count})"),
        ));
    }
    let number = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let channel = |at: usize| body[at * body.len() / count..(at + 1) * body.len() / count].chunks_exact(4);
    Ok((0..count).map(|at| channel(at).map(number).collect()).collect())
}

/// The format that recordings of these samples have: the smallest of 16 bits, 24 bits and floats that holds them.
fn natural_format(channels: &[Vec<f32>]) -> SampleFormat {
    let holds = |scale: f32| {
        let fits = |sample: f32| sample.fract() == 0.0 && (-scale..scale).contains(&sample);
        channels.iter().flatten().all(|sample| fits(sample * scale))
    };
    match () {
        () if holds(32768.0) => SampleFormat::I16,
        () if holds(8_388_608.0) => SampleFormat::I24,
        () => SampleFormat::F32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_the_smallest_that_holds_the_samples() {
        assert_eq!(natural_format(&[vec![0.5, -1.0, 1.0 / 32768.0]]), SampleFormat::I16);
        assert_eq!(natural_format(&[vec![0.5], vec![1.0 / 65536.0]]), SampleFormat::I24);
        assert_eq!(natural_format(&[vec![1.0]]), SampleFormat::F32);
        assert_eq!(natural_format(&[vec![0.1, f32::NAN]]), SampleFormat::F32);
    }

    #[test]
    fn channels_have_one_length() {
        let body: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert_eq!(channels(&body, 2).unwrap(), [[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!(channels(&[], 1).unwrap(), [Vec::<f32>::new()]);
        assert!(
            channels(&body, 3).is_err() && channels(&body, 0).is_err() && channels(&body[1..], 1).is_err()
        );
    }
}
