//! What the report shows: the files on which Wavern does worst, as every codec gives them back at the same size.

use super::audio::{Sound, write_wav};
use super::bench::{Bench, Original, Plan};
use super::find::Found;
use super::images::{Picture, decoded_picture};
use super::page::{Exhibit, Folder, Version};
use super::process;
use super::results::{Results, png_bytes, png_of};
use crate::cli;
use crate::error::{At, Error, Result};
use crate::files::Scratch;
use crate::files::input::Input;
use std::fs;
use std::path::Path;
use wavern::{Audio, Image, Samples};
use wavern_eval::{Metric, Row, metrics, spectrogram};

/// How many files are shown.
const SHOWN: usize = 12;
/// Side of the part of a picture that is shown, pixels.
const CROP: usize = 288;
/// Places that are tried for it, pixels apart.
const STEP: usize = 16;

/// A signal that can be shown.
pub(crate) trait Shown: Original {
    /// What is kept of the original while its versions are made.
    type View;

    /// Where to look, from Wavern's version; and the original as the first version.
    fn begin(&self, own: &Path, folder: &Folder, name: &str) -> Result<(Self::View, Version)>;

    /// A decoded version.
    fn add(&self, view: &Self::View, decoded: &Path, folder: &Folder, name: &str) -> Result<Version>;

    /// What the versions have in common.
    fn in_words(rate: f64) -> String;

    const IS_SOUND: bool;
}

impl Plan<'_> {
    /// Exhibits of the worst files, worst first. One that cannot be made is reported and left out.
    pub(crate) fn exhibits<O: Shown>(&self, results: &Results<'_>, folder: &Folder) -> Vec<Exhibit> {
        let worst = worst(results, self.files);
        let progress = self.progress(worst.len().min(SHOWN));
        let mut exhibits = Vec::new();
        for (place, (file, note)) in worst.iter().take(SHOWN).enumerate() {
            progress.set_message(format!("report, {}", file.name));
            match self.exhibit::<O>(results, file, note, place, folder) {
                Ok(exhibit) => exhibits.push(exhibit),
                Err(error) => progress.suspend(|| cli::tell_error(&error.at(&file.name))),
            }
            progress.inc(1);
        }
        progress.finish_and_clear();
        exhibits
    }

    fn exhibit<O: Shown>(
        &self,
        results: &Results<'_>,
        file: &Found,
        note: &str,
        place: usize,
        folder: &Folder,
    ) -> Result<Exhibit> {
        let input = Input::read(&file.path)?;
        let original = O::load(&input, &file.path)?;
        let mut bench = Bench::new(&original)?;
        let own_rows: Vec<&Row> = results
            .rows
            .iter()
            .filter(|row| row.file == file.name && row.codec == self.codecs[0].name)
            .collect();
        // A low rate, where differences are easy to see and hear, but not the lowest.
        let own = own_rows.get((own_rows.len() - 1) / 2).ok_or_else(|| Error::failed("no rows"))?;
        let (target, setting) = match (own.rate(), own.setting) {
            (Some(rate), Some(setting)) => (rate, setting),
            _ => return Err(Error::failed("no rate")),
        };
        let (own_decoded, own_bytes) = bench.through(&self.codecs[0], setting, self.threads, "shown-0")?;
        let (view, first) = original.begin(&own_decoded, folder, &format!("{place}-original"))?;
        let mut versions = vec![first];
        for (index, codec) in self.codecs.iter().enumerate() {
            let (decoded, bytes) = if index == 0 {
                (own_decoded.clone(), own_bytes)
            } else {
                let setting =
                    codec.knob.search(target, |setting| bench.rate_at(codec, setting, self.threads))?;
                bench.through(codec, setting, self.threads, &format!("shown-{index}"))?
            };
            // A lossless codec has no file of this size.
            if (bytes as f64 / own_bytes as f64).ln().abs() > 0.5 {
                continue;
            }
            let version = original.add(&view, &decoded, folder, &format!("{place}-{index}"))?;
            let caption = format!("{bytes} bytes, {}", version.caption);
            versions.push(Version { name: codec.name.clone(), caption, ..version });
        }
        let note = format!("About {} each. {note}", O::in_words(target));
        Ok(Exhibit { title: file.name.clone(), note, versions, is_sound: O::IS_SOUND })
    }
}

/// The files in order of Wavern's BD-rate, worst first, each with a sentence about it.
fn worst<'a>(results: &Results<'_>, files: &'a [Found]) -> Vec<(&'a Found, String)> {
    let preferred = [Metric::Ssimulacra2, Metric::Zimtohrli, Metric::Psnr, Metric::SiSdr];
    let comparison = preferred.into_iter().find_map(|metric| {
        let all = results.against_anchor(metric);
        all.into_iter()
            .find(|(place, comparison)| *place == 0 && !comparison.files.is_empty())
            .map(|(_, found)| found)
    });
    let (Some(comparison), Some(against)) = (comparison, results.anchor()) else {
        return files.iter().map(|file| (file, String::new())).collect();
    };
    let percent_of = |file: &Found| {
        let row = Row { file: file.name.clone(), ..Row::default() };
        comparison.files.iter().find(|(name, _)| name == row.stem()).map(|(_, percent)| *percent)
    };
    let mut all: Vec<(&Found, Option<f64>)> = files.iter().map(|file| (file, percent_of(file))).collect();
    let key = |percent: Option<f64>| percent.unwrap_or(f64::NEG_INFINITY);
    all.sort_by(|a, b| key(b.1).total_cmp(&key(a.1)));
    let sentence = |percent: f64| {
        format!("BD-rate of Wavern against {against}, {}: {percent:+.1} %.", comparison.metric.name())
    };
    all.into_iter().map(|(file, percent)| (file, percent.map(sentence).unwrap_or_default())).collect()
}

/// A part of a picture.
pub(crate) struct Window {
    left: usize,
    top: usize,
    width: usize,
    height: usize,
}

impl Shown for Picture {
    type View = Window;

    const IS_SOUND: bool = false;

    fn begin(&self, own: &Path, folder: &Folder, name: &str) -> Result<(Window, Version)> {
        let window = most_changed(&self.0, &decoded_picture(own)?);
        let version = Version {
            name: "original".to_owned(),
            caption: format!("{} x {} pixels", self.0.width(), self.0.height()),
            media: folder.add(&format!("{name}.png"), &cut(&self.0, &window)?)?,
            picture: None,
        };
        Ok((window, version))
    }

    fn add(&self, window: &Window, decoded: &Path, folder: &Folder, name: &str) -> Result<Version> {
        let decoded = decoded_picture(decoded)?;
        let value = |metric: Option<f64>, name: &str| metric.map(|value| format!("{name} {value:.1}"));
        let parts = [
            value(metrics::psnr(&self.0, &decoded), "PSNR"),
            value(metrics::ssimulacra2(&self.0, &decoded), "SSIMULACRA2"),
        ];
        Ok(Version {
            name: String::new(),
            caption: parts.into_iter().flatten().collect::<Vec<_>>().join(", "),
            media: folder.add(&format!("{name}.png"), &cut(&decoded, window)?)?,
            picture: None,
        })
    }

    fn in_words(rate: f64) -> String {
        format!("{rate:.2} bits per pixel")
    }
}

/// The window with the largest squared error.
fn most_changed(original: &Image, decoded: &Image) -> Window {
    let (width, height) = (original.width() as usize, original.height() as usize);
    let (w, h) = (width.min(CROP), height.min(CROP));
    let (Samples::U8(a), Samples::U8(b)) = (original.samples(), decoded.samples()) else {
        return Window { left: 0, top: 0, width: w, height: h };
    };
    // Sums over all that is above and to the left.
    let mut sums = vec![0_u64; (width + 1) * (height + 1)];
    for row in 0..height {
        let mut line = 0;
        for column in 0..width {
            let at = 3 * (row * width + column);
            line += (at..at + 3).map(|i| u64::from(a[i].abs_diff(b[i])).pow(2)).sum::<u64>();
            sums[(row + 1) * (width + 1) + column + 1] = sums[row * (width + 1) + column + 1] + line;
        }
    }
    let at = |row: usize, column: usize| sums[row * (width + 1) + column];
    let error = |&(top, left): &(usize, usize)| {
        at(top + h, left + w) + at(top, left) - at(top, left + w) - at(top + h, left)
    };
    let places = (0..=height - h)
        .step_by(STEP)
        .flat_map(|top| (0..=width - w).step_by(STEP).map(move |left| (top, left)));
    let (top, left) = places.max_by_key(error).unwrap_or((0, 0));
    Window { left, top, width: w, height: h }
}

fn cut(image: &Image, window: &Window) -> Result<Vec<u8>> {
    let Samples::U8(samples) = image.samples() else {
        return Err(Error::failed("pictures under test have 8 bits"));
    };
    let width = image.width() as usize;
    let rows = (window.top..window.top + window.height).map(|row| 3 * (row * width + window.left));
    let pixels: Vec<u8> = rows.flat_map(|start| &samples[start..start + 3 * window.width]).copied().collect();
    png_bytes(window.width as u32, window.height as u32, &pixels)
}

impl Shown for Sound {
    type View = ();

    const IS_SOUND: bool = true;

    fn begin(&self, _: &Path, folder: &Folder, name: &str) -> Result<((), Version)> {
        let version = Version {
            name: "original".to_owned(),
            caption: format!("{} Hz, {} channels", self.audio.sample_rate(), self.audio.channels().len()),
            media: player(&self.audio, folder, name)?,
            picture: Some(picture(&self.audio, folder, name)?),
        };
        Ok(((), version))
    }

    fn add(&self, (): &(), decoded: &Path, folder: &Folder, name: &str) -> Result<Version> {
        let (decoded, _) = self.aligned(decoded)?;
        let changed = |(x, y): (&Vec<f32>, &Vec<f32>)| x.iter().zip(y).map(|(x, y)| x - y).collect();
        let difference = self.audio.channels().iter().zip(decoded.channels()).map(changed).collect();
        let format = wavern::SampleFormat::F32;
        let difference = Audio::new(self.audio.sample_rate(), format, difference).map_err(Error::failed)?;
        let si_sdr = metrics::si_sdr(&self.audio, &decoded);
        Ok(Version {
            name: String::new(),
            caption: si_sdr.map_or(String::new(), |value| format!("SI-SDR {value:.1} dB")),
            media: player(&decoded, folder, name)?,
            picture: Some(picture(&difference, folder, name)?),
        })
    }

    fn in_words(rate: f64) -> String {
        format!("{rate:.0} kbit/s")
    }
}

/// A sound for a browser: FLAC if its tool is there, else WAV.
fn player(audio: &Audio, folder: &Folder, name: &str) -> Result<String> {
    let temporary = Scratch::new().at("temporary folder")?;
    let wav = temporary.path().join("sound.wav");
    write_wav(audio, &wav)?;
    if let Some(flac) = process::find("flac") {
        let out = folder.place(&format!("{name}.flac"));
        let arguments = ["--silent", "-f", "-8", "-o"].map(Into::into).into_iter();
        process::run(&flac, &arguments.chain([out.into(), wav.into()]).collect::<Vec<_>>())?;
        return Ok(format!("media/{name}.flac"));
    }
    folder.add(&format!("{name}.wav"), &fs::read(&wav).at(wav.display())?)
}

fn picture(audio: &Audio, folder: &Folder, name: &str) -> Result<String> {
    folder.add(&format!("{name}.png"), &png_of(&spectrogram(audio).map_err(Error::failed)?)?)
}
