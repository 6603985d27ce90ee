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
/// [`Error::Io`], with the path, if a file or folder cannot be read and no other has the weights; [`Error::Weights`] if
/// the file of that id is not a weight file.
pub fn find(folders: &[PathBuf], id: WeightsId) -> Result<Option<Weights>, Error> {
    let mut unreadable = None;
    for folder in folders {
        let named = folder.join(format!("{id}.safetensors"));
        let files = weight_files(folder).unwrap_or_else(|error| {
            unreadable.get_or_insert_with(|| at(folder, &error));
            Vec::new()
        });
        let others = files.into_iter().filter(|path| *path != named);
        for path in std::iter::once(named.clone()).chain(others) {
            match fs::read(&path) {
                Ok(bytes) if id_of(&bytes) == id => return Ok(Some(Weights::from_bytes(&bytes)?)),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    unreadable.get_or_insert_with(|| at(&path, &error));
                }
            }
        }
    }
    unreadable.map_or(Ok(None), |error| Err(error.into()))
}

/// The error of a file or folder, with its path.
fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
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
        // A folder in the place of a file cannot be read: that is said, unless the weights are found all the same.
        let unreadable = folder.join("a folder.safetensors");
        fs::create_dir(&unreadable).unwrap();
        let error = find(&folders, id).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("a folder.safetensors"), "{error}");
        fs::write(folder.join("b.safetensors"), bytes).unwrap();
        assert!(find(&folders, id).unwrap().is_some());
        fs::remove_file(folder.join("b.safetensors")).unwrap();
        fs::remove_dir(&unreadable).unwrap();
        // Named by an id that it does not have.
        fs::write(folder.join(format!("{id}.safetensors")), b"something else").unwrap();
        assert!(find(&folders, id).unwrap().is_none());
        fs::remove_dir_all(&folder).unwrap();
    }
}
