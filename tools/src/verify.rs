//! `wavern verify`: whether files are intact, down to the last symbol.

use crate::cli::{self, Common};
use crate::codec::{self, Engine};
use crate::error::{At, Error, Result};
use crate::explain;
use crate::files::input::Input;
use crate::weights;
use serde_json::{Value, json};
use std::ops::Range;
use std::path::{Path, PathBuf};
use wavern::Kind;
use wavern::damage::{Damage, DamagedTile, SoundDamage};

/// Check that .wvn files are intact
///
/// Every checksum is compared and every symbol decoded; nothing is written. If all failing files fail alike, the exit
/// code is the code of that failure, otherwise it is 1.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files to check; - is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,

    /// Print one JSON object for each file
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    weights: weights::Folders,

    #[command(flatten)]
    common: Common,
}

impl Args {
    fn engine(&self) -> Engine {
        Engine { weights: self.weights.all(), ..self.common.engine() }
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let mut failures: Vec<Error> = Vec::new();
    for path in &args.files {
        let (checked, parts) = check(path, args.engine());
        if args.json {
            let problem = checked.as_ref().err().map(ToString::to_string);
            let mut object =
                json!({"file": path.display().to_string(), "ok": checked.is_ok(), "problem": problem});
            object["damage"] = parts;
            cli::print_json(&object)?;
        } else if checked.is_ok() {
            args.common.say(format_args!("{}: ok", path.display()));
        }
        if let Err(error) = checked {
            if error.is_quiet() {
                return Err(error);
            }
            failures.push(error);
        }
    }
    let Some(last) = failures.pop() else { return Ok(()) };
    if args.files.len() == 1 {
        return Err(last);
    }
    let (kind, count) = (last.kind(), failures.len() + 1);
    let same = failures.iter().all(|error| error.kind() == kind);
    failures.iter().chain([&last]).for_each(cli::tell_error);
    let what = format!("{count} of {} files failed", args.files.len());
    Err(if same { Error::new(kind, what) } else { Error::failed(what) })
}

/// Whether a file is whole, and the parts that are not.
fn check(path: &Path, engine: Engine) -> (Result<()>, Value) {
    let checked = Input::read(path).and_then(|input| {
        let checked = check_bytes(input.bytes(), engine).at(input.name())?;
        Ok((input.name().to_owned(), checked))
    });
    match checked {
        Ok((_, (Ok(()), parts))) => (Ok(()), parts),
        Ok((name, (Err(error), parts))) => (Err(error.at(name)), parts),
        Err(error) => (Err(error), Value::Null),
    }
}

fn check_bytes(bytes: &[u8], engine: Engine) -> Result<(Result<()>, Value)> {
    if codec::kind_of_damaged(bytes, engine.limits) == Kind::Audio {
        let damage = codec::sound_decoder(engine)?.verify_sound(bytes).map_err(explain::explain)?;
        let value = json!({
            "segments": damage.segment_count,
            "damaged": damage.segments.iter().flat_map(Range::clone).collect::<Vec<_>>(),
            "faults": damage.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        return Ok((sound_result(damage), value));
    }
    let damage = codec::decoder(bytes, engine)?.verify_picture(bytes).map_err(explain::explain)?;
    let value = to_json(&damage);
    Ok((to_result(damage), value))
}

/// Damaged tiles with their place in the picture, and faults outside of tiles.
pub(crate) fn to_json(damage: &Damage) -> Value {
    let tile = |tile: &DamagedTile| {
        json!({
            "index": tile.index,
            "x": tile.area.x,
            "y": tile.area.y,
            "width": tile.area.width,
            "height": tile.area.height,
            "problem": tile.error.to_string(),
        })
    };
    json!({
        "tiles": damage.tile_count,
        "damaged": damage.tiles.iter().map(tile).collect::<Vec<_>>(),
        "faults": damage.faults.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

/// The first fault, with how much is left.
fn sound_result(damage: SoundDamage) -> Result<()> {
    let lost: u64 = damage.segments.iter().map(|lost| lost.end - lost.start).sum();
    let explained = match damage.faults.into_iter().next() {
        Some(first) => explain::explain(first),
        None if lost == 0 => return Ok(()),
        None => Error::corrupt("damaged"),
    };
    let what = format!("{explained}; {lost} of {} segments cannot be decoded", damage.segment_count);
    Err(Error::new(explained.kind(), what))
}

/// One line for each thing that is damaged.
pub(crate) fn lines(damage: &Damage) -> Vec<String> {
    let faults = damage.faults.iter().map(ToString::to_string);
    let tiles = damage.tiles.iter().map(|tile| {
        let area = tile.area;
        format!(
            "tile {} at {},{} ({}x{} pixels): {}",
            tile.index, area.x, area.y, area.width, area.height, tile.error
        )
    });
    faults.chain(tiles).collect()
}

/// The first fault, with how much is left.
pub(crate) fn to_result(mut damage: Damage) -> Result<()> {
    if damage.is_empty() {
        return Ok(());
    }
    let (lost, of) = (damage.tiles.len(), damage.tile_count);
    let first = if damage.faults.is_empty() { damage.tiles.remove(0).error } else { damage.faults.remove(0) };
    let explained = explain::explain(first);
    Err(Error::new(explained.kind(), format!("{explained}; {lost} of {of} tiles cannot be decoded")))
}
