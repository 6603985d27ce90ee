//! `wavern info`: what a .wvn file says about itself.

use crate::cli;
use crate::codec::{self, Rate};
use crate::error::{At, Result};
use crate::explain;
use crate::files::input::Input;
use crate::files::{Orientation, held, turn};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use wavern::internals::chunks;
use wavern_bitstream::{
    AudioHeader, ChunkCode, ChunkInfo, Color, Container, Header, Limits, SampleFormat, WeightsId,
};

/// Show what a .wvn file holds, without decoding it
///
/// A file that is damaged, or made by a newer version, is shown as far as it can be read; the exit code is then 4 or 3.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// File to look at, or - for standard input
    #[arg(value_name = "FILE")]
    input: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let input = Input::read(&args.input)?;
    let bytes = input.bytes();
    let chunks: Vec<ChunkInfo> = wavern_bitstream::describe(bytes)
        .map_err(explain::explain_container)
        .at(input.name())?
        .map_while(|chunk| chunk.ok())
        // A sound has many; they are reported as one.
        .filter(|chunk| chunk.code != ChunkCode::SEGMENT)
        .collect();
    let container = Container::parse_damaged(bytes, &Limits::default());
    let mut damage = match &container {
        Ok(container) => container.damage().to_vec(),
        Err(error) => vec![error.clone()],
    };
    if let Ok(container) = &container
        && matches!(container.header(), Header::Image(_))
    {
        let tiles = (0..container.tile_count()).filter_map(|index| container.tile(index).err());
        damage.extend(tiles.filter(|error| !container.damage().contains(error)));
    }
    let facts =
        Facts { name: input.name(), bytes: bytes.len(), container: container.as_ref().ok(), chunks: &chunks };
    if args.json {
        cli::print_json(&facts.json(&damage))?
    } else {
        cli::print(&facts.text(&damage))?
    }
    match damage.into_iter().next() {
        Some(error) => Err(explain::explain_container(error)).at(input.name()),
        None => Ok(()),
    }
}

struct Facts<'a> {
    name: &'a str,
    bytes: usize,
    container: Option<&'a Container<'a>>,
    chunks: &'a [ChunkInfo],
}

/// What a file holds besides its samples.
struct Held {
    names: Vec<String>,
    /// How its pixels have to be turned, if they have to.
    turn: Option<Orientation>,
    /// Whether it tells where it was made.
    place: bool,
}

impl Facts<'_> {
    fn held(&self) -> Held {
        let metadata = self.container.map(chunks::of_container).unwrap_or_default();
        let names = held::held(&metadata).into_iter().map(|held| held.name).collect();
        Held { names, turn: turn::side_up(&metadata), place: held::tells_place(&metadata) }
    }

    fn text(&self, damage: &[wavern_bitstream::Error]) -> String {
        let mut out = String::new();
        let mut line = |label: &str, value: &str| {
            let _ = writeln!(out, "{label:<10} {value}"); // writing to a String cannot fail
        };
        line("file", self.name);
        let rate = self.container.map(|container| rate(container, self.bytes));
        match rate {
            Some(Rate::NoTime) | None => line("size", &format!("{} bytes", self.bytes)),
            Some(rate) => line("size", &format!("{} bytes, {rate}", self.bytes)),
        }
        if let Some(container) = self.container {
            let header = container.header();
            match header {
                Header::Image(image) => {
                    let alpha = if container.alpha().is_some() { " with alpha" } else { "" };
                    let color = color_name(image.color).to_uppercase();
                    let depth = image.depth.bits();
                    line(
                        "picture",
                        &format!("{}x{} pixels, {color}{alpha}, {depth} bits", image.width, image.height),
                    );
                }
                Header::Audio(audio) => {
                    let seconds = frames(container, audio) as f64 / f64::from(audio.sample_rate);
                    let format = format_name(audio.format);
                    let (rate, channels) = (audio.sample_rate, audio.channels);
                    line("sound", &format!("{rate} Hz, {channels} channels, {seconds:.2} s, {format}"));
                }
            }
            let [low, high] = levels(container);
            match [low, high].map(|level| codec::quality(header, level)) {
                _ if header.is_lossless() => match container.max_error() {
                    None => line("quality", "lossless"),
                    Some(error) => line("quality", &format!("no colour differs by more than {error}")),
                },
                [Some(quality), _] if low == high => {
                    line("quality", &format!("{quality:.1} (level {low})"));
                }
                [Some(least), Some(most)] => {
                    line("quality", &format!("{least:.1} to {most:.1} (levels {low} to {high})"));
                }
                _ => line("level", &low.to_string()),
            }
            if header.weights() != WeightsId::NONE {
                line("weights", &header.weights().to_string());
            }
            match header {
                Header::Image(image) => line("tiles", &image.tile_count().to_string()),
                Header::Audio(audio) => {
                    let seconds = audio.segment_frames as f64 / f64::from(audio.sample_rate);
                    let (whole, all) = (container.segments().len(), container.tile_count());
                    let missing = if whole == all { String::new() } else { format!(", {whole} whole") };
                    line("segments", &format!("{all} of {seconds:.2} s{missing}"));
                }
            }
        }
        let Held { names, turn, place } = self.held();
        if !names.is_empty() {
            line("holds", &names.join(", "));
        }
        if let Some(turn) = turn {
            line("side up", &format!("orientation {}, {turn}", turn.number()));
        }
        if place {
            line("place", "the file tells where it was made (--strip=gps leaves that out)");
        }
        for chunk in self.chunks {
            let state = if chunk.intact { "" } else { ", damaged" };
            line("chunk", &format!("{} at byte {}, {} bytes{state}", chunk.code, chunk.offset, chunk.length));
        }
        for error in damage {
            line("problem", &error.to_string());
        }
        out
    }

    fn json(&self, damage: &[wavern_bitstream::Error]) -> Value {
        let chunk = |chunk: &ChunkInfo| {
            json!({
                "code": chunk.code.to_string(),
                "offset": chunk.offset,
                "bytes": chunk.length,
                "intact": chunk.intact,
            })
        };
        let mut object = json!({
            "file": self.name,
            "bytes": self.bytes,
            "chunks": self.chunks.iter().map(chunk).collect::<Vec<_>>(),
            "problems": damage.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        let Some(container) = self.container else { return object };
        let Held { names, turn, place } = self.held();
        object["holds"] = json!(names);
        object["orientation"] = turn.map_or(1, |turn| turn.number()).into();
        object["place"] = place.into();
        let header = container.header();
        object["level"] = header.level().into();
        object["quality"] = codec::quality(header, header.level()).into();
        object["lossless"] = (header.is_lossless() && container.max_error().is_none()).into();
        object["max_error"] = container.max_error().into();
        object["weights"] = header.weights().to_string().into();
        codec::add_rate(&mut object, rate(container, self.bytes));
        match header {
            Header::Image(image) => {
                object["kind"] = "image".into();
                object["width"] = image.width.into();
                object["height"] = image.height.into();
                object["color"] = color_name(image.color).into();
                object["depth"] = image.depth.bits().into();
                object["alpha"] = container.alpha().is_some().into();
                object["tiles"] = image.tile_count().into();
            }
            Header::Audio(audio) => {
                object["kind"] = "audio".into();
                object["sample_rate"] = audio.sample_rate.into();
                object["channels"] = audio.channels.into();
                object["frames"] = frames(container, audio).into();
                object["segments"] = container.tile_count().into();
                object["whole_segments"] = container.segments().len().into();
                object["segment_frames"] = audio.segment_frames.into();
                object["levels"] = json!(levels(container));
                object["format"] = format_name(audio.format).into();
            }
        }
        object
    }
}

fn rate(container: &Container<'_>, bytes: usize) -> Rate {
    let bits = bytes as f64 * 8.0;
    match container.header() {
        Header::Image(image) => Rate::BitsPerPixel(bits / image.pixels() as f64),
        Header::Audio(audio) => match frames(container, audio) {
            0 => Rate::NoTime,
            frames => Rate::KilobitsPerSecond(bits * f64::from(audio.sample_rate) / frames as f64 / 1000.0),
        },
    }
}

/// Length of a sound, as far as it is there.
fn frames(container: &Container<'_>, header: &AudioHeader) -> u64 {
    container.frames().unwrap_or(container.tile_count() as u64 * header.segment_frames)
}

/// The lowest and the highest level in a file.
fn levels(container: &Container<'_>) -> [u16; 2] {
    let levels = || container.segments().iter().map(|segment| segment.level);
    let level = container.header().level();
    [levels().min().unwrap_or(level), levels().max().unwrap_or(level)]
}

fn color_name(color: Color) -> String {
    format!("{color:?}").to_lowercase()
}

fn format_name(format: SampleFormat) -> String {
    format!("{format:?}").to_lowercase()
}
