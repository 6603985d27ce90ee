//! Sounds under test: as every codec is given them, and how far the decoded ones are from them.

use super::bench::Original;
use super::images::CHANGED;
use super::listeners::Listeners;
use super::peers::Format;
use super::process;
use crate::error::{At, Error, ErrorKind, Result};
use crate::files::Scratch;
use crate::files::input::Input;
use crate::files::{self, InputKind, OutputFormat};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wavern::{Audio, SampleFormat, Signal};
use wavern_eval::{Row, metrics};

/// Delays are looked for up to this many seconds.
const REACH_S: f64 = 0.5;
/// A decoded sound may lack this many seconds at its end, which then count as silence.
const TAIL_S: f64 = 0.1;

/// A sound in 16 bits, without metadata: every codec gets the same samples.
pub(crate) struct Sound {
    pub(crate) audio: Audio,
    /// As a WAV file, which the listeners read and the encoders get.
    wav: PathBuf,
    _folder: Scratch,
}

impl Original for Sound {
    type Context = Listeners;

    fn load(input: &Input, path: &Path) -> Result<Self> {
        let audio = match files::read_signal(input) {
            Ok(loaded) => sound(loaded.signal)?,
            Err(error) if error.kind() == ErrorKind::Unsupported => through_ffmpeg(path, error)?,
            Err(error) => return Err(error),
        };
        if audio.frames() == 0 {
            return Err(Error::unsupported("a sound without samples has no rate"));
        }
        let folder = Scratch::new().at("temporary folder")?;
        let wav = folder.path().join("original.wav");
        write_wav(&audio, &wav)?;
        // Read again, so that the samples are those that the encoders get, rounded to 16 bits.
        let audio = sound(files::read_signal(&Input::read(&wav)?)?.signal)?;
        Ok(Self { audio, wav, _folder: folder })
    }

    fn write(&self, format: Format, path: &Path) -> Result<()> {
        match format {
            Format::Wav => fs::copy(&self.wav, path).map(drop).at(path.display()),
            Format::Ppm | Format::Png => Err(Error::failed("a sound cannot be written as a picture")),
        }
    }

    fn describe(&self, row: &mut Row) {
        row.sample_rate = Some(self.audio.sample_rate());
        row.channels = u32::try_from(self.audio.channels().len()).ok();
        row.frames = Some(self.audio.frames() as u64);
    }

    fn rate(&self, bytes: u64) -> f64 {
        bytes as f64 * 8.0 / self.audio.seconds() / 1000.0
    }

    fn set_rate(&self, bytes: u64, row: &mut Row) {
        row.kbps = Some(self.rate(bytes));
    }

    fn sample_rate(&self) -> u32 {
        self.audio.sample_rate()
    }

    fn samples(&self) -> u64 {
        (self.audio.frames() * self.audio.channels().len()) as u64
    }

    fn verify(&self, decoded: &Path) -> Result<()> {
        let decoded = self.decoded(decoded)?;
        if decoded.channels() == self.audio.channels() { Ok(()) } else { Err(Error::failed(CHANGED)) }
    }

    fn score(&self, decoded: &Path, listeners: &Listeners, row: &mut Row) -> Result<()> {
        let (decoded_audio, delay) = self.aligned(decoded)?;
        row.delay = Some(delay);
        row.si_sdr = metrics::si_sdr(&self.audio, &decoded_audio);
        row.lsd = metrics::log_spectral_distance(&self.audio, &decoded_audio);
        row.mel = metrics::mel_distance(&self.audio, &decoded_audio);
        if !listeners.versions.is_empty() {
            let path = decoded.with_extension("aligned.wav");
            write_wav(&decoded_audio, &path)?;
            let scores = listeners.score(&self.wav, &path)?;
            (row.zimtohrli, row.visqol) = (scores.zimtohrli, scores.visqol);
        }
        Ok(())
    }
}

impl Sound {
    /// What a decoder wrote, at the rate and with the channels of the original.
    fn decoded(&self, path: &Path) -> Result<Audio> {
        let decoded = sound(files::read_signal(&Input::read(path)?)?.signal)?;
        let (rate, channels) = (self.audio.sample_rate(), self.audio.channels().len());
        if (decoded.sample_rate(), decoded.channels().len()) != (rate, channels) {
            let found = format!("{} Hz, {} channels", decoded.sample_rate(), decoded.channels().len());
            return Err(Error::failed(format!(
                "decoded to {found} (expected {rate} Hz, {channels} channels)"
            )));
        }
        Ok(decoded)
    }

    /// What a decoder wrote, without its delay and in the length of the original; and the delay in samples.
    pub(crate) fn aligned(&self, path: &Path) -> Result<(Audio, i64)> {
        let decoded = self.decoded(path)?;
        let rate = self.audio.sample_rate();
        let seconds = |seconds: f64| (seconds * f64::from(rate)) as usize;
        let delay = metrics::delay(&self.audio, &decoded, seconds(REACH_S));
        let (frames, found) = (self.audio.frames(), decoded.frames() as i64 - delay);
        if found < frames as i64 - seconds(TAIL_S) as i64 {
            return Err(Error::failed(format!("decoded to {found} samples (expected {frames})")));
        }
        let moved =
            decoded.channels().iter().map(|channel| metrics::realign(channel, delay, frames)).collect();
        Ok((Audio::new(rate, SampleFormat::F32, moved).map_err(Error::failed)?, delay))
    }
}

/// Whether a file that begins so may hold a sound that can be read, if need be through ffmpeg.
pub(crate) fn is_sound(head: &[u8]) -> bool {
    let others = [&b"fLaC"[..], b"OggS", b"ID3", b"\xff\xfb", b"\xff\xf3", b"FORM"];
    let known =
        InputKind::of(head).is_ok_and(|kind| !matches!(kind, InputKind::Image(_) | InputKind::Wavern));
    known || others.iter().any(|magic| head.starts_with(magic))
}

fn sound(signal: Signal) -> Result<Audio> {
    match signal {
        Signal::Audio(audio) => Ok(audio),
        Signal::Image(_) => {
            Err(Error::usage("this is a picture (expected a sound; see `wavern eval images`)"))
        }
    }
}

/// Writes 16-bit WAV.
pub(crate) fn write_wav(audio: &Audio, path: &Path) -> Result<()> {
    let plain = Audio::new(audio.sample_rate(), SampleFormat::I16, audio.channels().to_vec())
        .map_err(Error::failed)?;
    let mut file = BufWriter::new(File::create(path).at(path.display())?);
    files::write_signal(&Signal::Audio(plain), OutputFormat::Wav, &mut file).at(path.display())?;
    file.flush().at(path.display())
}

/// A sound in a format that this program does not read, if ffmpeg is there and does.
fn through_ffmpeg(path: &Path, error: Error) -> Result<Audio> {
    let Some(ffmpeg) = process::find("ffmpeg") else { return Err(error) };
    let folder = Scratch::new().at("temporary folder")?;
    let wav = folder.path().join("original.wav");
    let mut command = Command::new(ffmpeg);
    command.args(["-loglevel", "error", "-i"]).arg(path).args(["-vn", "-c:a", "pcm_s16le"]).arg(&wav);
    let output = command.stdin(Stdio::null()).output().at("ffmpeg")?;
    if !output.status.success() {
        return Err(error);
    }
    sound(files::read_signal(&Input::read(&wav)?)?.signal)
}
