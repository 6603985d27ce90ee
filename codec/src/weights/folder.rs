//! Weight files in folders, found by their id.
//!
//! A file may have any name that ends in `.safetensors`; one that is named by its id is found without reading the
//! others.

use super::Weights;
use crate::error::Error;
use crate::weight_file::id_of;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, io};
use wavern_bitstream::WeightsId;

/// The weights with this id, from the first folder that has them. A folder that does not exist has none.
///
/// # Errors
/// [`Error::Io`] if a file cannot be read; [`Error::Weights`] if the file of that id is not a weight file.
pub fn find(folders: &[PathBuf], id: WeightsId) -> Result<Option<Weights>, Error> {
    for folder in folders {
        let named = folder.join(format!("{id}.safetensors"));
        let others = weight_files(folder)?.into_iter().filter(|path| *path != named);
        for path in std::iter::once(named.clone()).chain(others) {
            let bytes = match fs::read(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                bytes => bytes?,
            };
            if id_of(&bytes) == id {
                return Ok(Some(Weights::from_bytes(&bytes)?));
            }
        }
    }
    Ok(None)
}

/// The weight files of a folder, in the order of their names; none if there is no such folder.
///
/// # Errors
/// If the folder cannot be read.
pub fn weight_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::super::{Tune, built_in};
    use super::*;
    use crate::config::Kind;

    #[test]
    fn weights_are_found_by_their_id_whatever_their_name() {
        let folder = std::env::temp_dir().join(format!("wavern-weights-{}", std::process::id()));
        let bytes = built_in(Kind::Audio, Tune::Psnr).unwrap();
        let id = id_of(bytes);
        let folders = [folder.join("missing"), folder.clone()];
        assert!(find(&folders, id).unwrap().is_none());
        fs::create_dir_all(&folder).unwrap();
        for name in ["any name.safetensors".to_owned(), format!("{id}.safetensors")] {
            fs::write(folder.join(&name), bytes).unwrap();
            assert_eq!(find(&folders, id).unwrap().map(|weights| weights.id()), Some(id), "{name}");
            assert!(find(&folders, WeightsId([7; 6])).unwrap().is_none());
            fs::remove_file(folder.join(&name)).unwrap();
        }
        // Named by an id that it does not have.
        fs::write(folder.join(format!("{id}.safetensors")), b"something else").unwrap();
        assert!(find(&folders, id).unwrap().is_none());
        fs::remove_dir_all(&folder).unwrap();
    }
}
