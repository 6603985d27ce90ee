//! `wavern completions` and `wavern man`: what a package of the command contains beside it, made from the command line
//! itself.

use crate::cli;
use crate::error::{At, Result};
use crate::files::output::Output;
use clap::Command;
use clap_mangen::Man;
use std::fs;
use std::path::{Path, PathBuf};

/// Print the completions for a shell
///
/// Packages put them where the shell looks for them; for one user, bash reads them with
/// source <(wavern completions bash)
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    #[arg(value_name = "SHELL", value_enum)]
    shell: clap_complete::Shell,
}

/// Prints the completions of this command, under the name of the program that runs.
pub(crate) fn completions(args: &Completions, mut command: Command) -> Result<()> {
    let program = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let name = match program.file_stem().and_then(|stem| stem.to_str()) {
        Some(stem) => stem.to_owned(),
        None => command.get_name().to_owned(),
    };
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut text);
    cli::print(&String::from_utf8_lossy(&text))
}

/// Write the manual pages: wavern.1, and one for each verb
#[derive(Debug, clap::Args)]
pub(crate) struct Pages {
    /// Folder to write them to; it is made if it is not there
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Overwrite existing pages
    #[arg(short, long)]
    force: bool,
}

/// Writes a page for this command and for each of its verbs that the help names. If one is in the way, none is written.
pub(crate) fn pages(args: &Pages, command: Command) -> Result<()> {
    // `wavern help encode` would be one more page with the text of another.
    let mut command = command.disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    collect(&command, &args.folder, &mut pages).at(args.folder.display())?;
    fs::create_dir_all(&args.folder).at(args.folder.display())?;
    let outputs: Result<Vec<Output>> = pages.iter().map(|(path, _)| Output::new(path, args.force)).collect();
    outputs?.into_iter().zip(&pages).try_for_each(|(output, (_, page))| output.write_bytes(page))
}

/// The page of a command, then those of its verbs: path and text.
fn collect(command: &Command, folder: &Path, pages: &mut Vec<(PathBuf, Vec<u8>)>) -> std::io::Result<()> {
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push((folder.join(page.get_filename()), text));
    let mut verbs = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    verbs.try_for_each(|verb| collect(verb, folder, pages))
}
