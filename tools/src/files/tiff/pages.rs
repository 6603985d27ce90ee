//! Which of the pictures in a TIFF is the one, and which are left out.

use crate::error::{Error, Result};
use crate::files::ifd::{Directory, Layout};

/// Pages that are looked at; a file may have any number, in a circle too.
const MOST: usize = 10_000;

/// A file and its pictures.
pub struct Pages<'a> {
    /// The order of its bytes.
    pub layout: Layout,
    /// The directory of the picture.
    pub page: Directory<'a>,
    /// Which one in the file it is, from 0 on.
    pub index: usize,
}

/// Finds the picture of a file: the first page that is not a smaller copy of another.
///
/// # Errors
/// If the file has none, or what it has is a preview of the data of a sensor.
pub fn find<'a>(file: &'a [u8], notes: &mut Vec<String>) -> Result<Pages<'a>> {
    let (layout, first) = Layout::of(file).ok_or_else(|| Error::corrupt("malformed TIFF: no header"))?;
    let mut pages = Vec::new();
    let mut at = first;
    while at != 0 && pages.len() < MOST {
        match layout.directory(file, at) {
            Some(page) => {
                at = page.next;
                pages.push(page);
            }
            None if pages.is_empty() => {
                return Err(Error::corrupt(format!("TIFF ends too early: its directory is at byte {at}")));
            }
            None => break,
        }
    }
    if pages.is_empty() {
        return Err(Error::corrupt("malformed TIFF: no directory"));
    }
    if file.get(8..10) == Some(b"CR") {
        return Err(raw("CR2"));
    }
    let number = |page: &Directory<'_>, tag| page.find(tag).and_then(|entry| entry.integer(layout));
    let smaller = |page: &Directory<'_>| number(page, 254).is_some_and(|kind| kind & 1 == 1);
    for page in &pages {
        if page.find(50706).is_some() {
            return Err(raw("DNG"));
        }
        // The pattern of colour filters over a sensor, or what was computed from it.
        let others = sub_pages(layout, file, page);
        if [page].into_iter().chain(&others).any(|page| matches!(number(page, 262), Some(32803 | 34892))) {
            return Err(raw("the data of a sensor"));
        }
        if smaller(page) && !others.is_empty() && page.find(271).is_some() {
            return Err(raw("a preview, and a larger picture of the camera's maker behind it"));
        }
    }
    let index = pages.iter().position(|page| !smaller(page)).unwrap_or(0);
    let count = pages.len();
    if count > 1 {
        notes.push(format!("only page {} of {count} pages of this TIFF is read", index + 1));
    }
    let page = pages.swap_remove(index);
    if page.find(330).is_some() {
        notes.push("smaller or other pictures within the page of the TIFF are left out".to_owned());
    }
    Ok(Pages { layout, page, index })
}

fn raw(what: &str) -> Error {
    Error::unsupported(format!("camera raw ({what}) is not a format that can be read (develop it first)"))
}

/// The pictures that a page lists as belonging to it.
fn sub_pages<'a>(layout: Layout, file: &'a [u8], page: &Directory<'_>) -> Vec<Directory<'a>> {
    let Some(entry) = page.find(330) else { return Vec::new() };
    let width = if matches!(entry.kind, 16 | 18) { 8 } else { 4 };
    let offsets = entry.bytes.chunks_exact(width).take(16).map(|offset| layout.number(offset));
    offsets.filter_map(|at| layout.directory(file, at)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_directory_is_malformed() {
        for file in [&b"II*\0\0\0\0\0"[..], b"MM\0*\0\0\0\0and more", b"II*\0\xff\0\0\0"] {
            assert_eq!(find(file, &mut Vec::new()).map(|_| ()).unwrap_err().exit_code(), 4);
        }
    }
}
