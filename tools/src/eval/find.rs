//! Which files to measure: those named, and those in folders that hold the right kind of signal.

use crate::error::{At, Error, Result};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file and the name its rows carry: the path from the folder that was given on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) path: PathBuf,
    pub(crate) name: String,
}

/// All files to measure, in the order of the arguments and of their names. Files that are named are taken as they are,
/// those in folders only if `wanted` by their first bytes.
pub(crate) fn find(paths: &[PathBuf], wanted: fn(&[u8]) -> bool) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    for path in paths {
        if fs::metadata(path).at(path.display())?.is_dir() {
            let mut files = Vec::new();
            search(path, wanted, &mut files)?;
            found.extend(files.into_iter().map(|file| {
                let name = file.strip_prefix(path).unwrap_or(&file).display().to_string();
                Found { path: file, name }
            }));
        } else {
            let name = path.file_name().unwrap_or(path.as_os_str()).display().to_string();
            found.push(Found { path: path.clone(), name });
        }
    }
    let mut names = BTreeSet::new();
    if let Some(twice) = found.iter().find(|file| !names.insert(&file.name)) {
        let what = format!("two files are called {} (give a folder that holds both)", twice.name);
        return Err(Error::usage(what).at(twice.path.display()));
    }
    Ok(found)
}

fn search(folder: &Path, wanted: fn(&[u8]) -> bool, found: &mut Vec<PathBuf>) -> Result<()> {
    let entries: Vec<fs::DirEntry> =
        fs::read_dir(folder).and_then(|entries| entries.collect()).at(folder.display())?;
    let mut entries: Vec<(PathBuf, bool)> = entries
        .iter()
        .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| (entry.path(), entry.file_type().is_ok_and(|kind| kind.is_dir())))
        .collect();
    entries.sort();
    for (path, is_folder) in entries {
        if is_folder {
            search(&path, wanted, found)?;
        } else if is_wanted(&path, wanted) {
            found.push(path);
        }
    }
    Ok(())
}

/// Recognised by the first bytes; other files in a folder are passed over.
fn is_wanted(path: &Path, wanted: fn(&[u8]) -> bool) -> bool {
    use std::io::Read;
    let mut head = [0; 32];
    let length = fs::metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)
        .and_then(|_| fs::File::open(path).ok())
        .and_then(|mut file| file.read(&mut head).ok())
        .unwrap_or(0);
    wanted(&head[..length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::InputKind;

    #[test]
    fn names_start_at_the_folder_given_and_other_files_are_passed_over() {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata");
        let is_image = |head: &[u8]| matches!(InputKind::of(head), Ok(InputKind::Image(_)));
        let found = find(&[data.join("image"), data.join("photo.png")], is_image).unwrap();
        assert_eq!(found[0].name, "1x1.png");
        assert_eq!(found.last().unwrap().name, "photo.png");
        let all = find(std::slice::from_ref(&data), is_image).unwrap();
        assert!(all.iter().any(|file| file.name == "image/1x1.png"));
        assert!(!all.iter().any(|file| file.name.ends_with(".wav") || file.name.ends_with(".md")));
        let error = find(&[data.join("photo.png"), data.join("photo.png")], is_image).unwrap_err();
        assert!(error.to_string().contains("two files are called photo.png"), "{error}");
    }
}
