//! `wavern weights`: which trained weights are here; and the folders in which they are looked for.

use crate::cli;
use crate::error::{At, Result};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};
use wavern::internals::weight_file::{id_of, read_config};
use wavern::internals::weights::{folder, listed};
use wavern::{Kind, Tune};

/// Where weights are looked for that are not inside the program.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Folders {
    /// Look for weights in this folder too, before WAVERN_WEIGHTS and the user's data folder
    #[arg(long, value_name = "DIR")]
    weights_dir: Vec<PathBuf>,
}

impl Folders {
    /// All folders in the order of the search. A program has one set of them.
    pub(crate) fn all(&self) -> &'static [PathBuf] {
        static ALL: OnceLock<Vec<PathBuf>> = OnceLock::new();
        ALL.get_or_init(|| {
            let named = env::var_os("WAVERN_WEIGHTS").unwrap_or_default();
            let named = env::split_paths(&named).filter(|path| !path.as_os_str().is_empty()).collect();
            [self.weights_dir.clone(), named, data_folder().into_iter().collect()].concat()
        })
    }
}

/// The user's folder for data of programs, as the platform has it.
fn data_folder() -> Option<PathBuf> {
    let from = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = if cfg!(windows) {
        from("APPDATA")
    } else if cfg!(target_os = "macos") {
        from("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        from("XDG_DATA_HOME").or_else(|| from("HOME").map(|home| home.join(".local/share")))
    };
    base.map(|base| base.join("wavern").join("weights"))
}

/// List the trained weights that are here
///
/// A file decodes only with the weights it was made with, which it names by their id. Some are inside this program.
/// Others are looked for by their id in --weights-dir, in the folders that the environment variable WAVERN_WEIGHTS
/// names, and in the user's data folder (on Linux ~/.local/share/wavern/weights), as .safetensors files of any name.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    folders: Folders,

    /// Print one JSON object for each set of weights
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    for kind in [Kind::Image, Kind::Audio] {
        for (id, tune) in listed(kind) {
            let tune = match (kind, tune) {
                (Kind::Audio, _) => None,
                (Kind::Image, Tune::Psnr) => Some("psnr"),
                (Kind::Image, Tune::Visual) => Some("visual"),
                (Kind::Image, Tune::Fast) => Some("fast"),
            };
            let place = tune.map_or("built in".to_owned(), |tune| format!("built in (--tune {tune})"));
            show(args.json, &id.to_string(), &kind.to_string(), &place)?;
        }
    }
    for folder in args.folders.all() {
        for path in folder::weight_files(folder).at(folder.display())? {
            let bytes = fs::read(&path).at(path.display())?;
            let Ok(config) = read_config(&bytes) else { continue };
            show(args.json, &id_of(&bytes).to_string(), &config.kind.to_string(), &text(&path))?;
        }
    }
    Ok(())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn show(json: bool, id: &str, kind: &str, place: &str) -> Result<()> {
    match json {
        true => cli::print_json(&json!({"id": id, "kind": kind, "place": place})),
        false => cli::print(&format!("{id}  {kind}  {place}\n")),
    }
}
