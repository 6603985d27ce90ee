//! Rows on disk while they are being measured, so that a run that was interrupted goes on where it was.
//!
//! The journal of `F.csv` is `F.csv.part`: CSV, one line for each measurement as soon as it is made. It goes when
//! `F.csv` is complete.

use crate::error::{At, Error, Result};
use crate::files::set_last_words;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use wavern_eval::{Row, from_csv, to_csv};

/// Rows of earlier runs, and where new rows go.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    earlier: Vec<Row>,
    part: Option<(PathBuf, File)>,
}

impl Journal {
    /// The journal of a CSV file. What an interrupted run left is read; with `reuse`, the rows of the finished file are
    /// taken too.
    pub(crate) fn open(csv: &Path, reuse: bool) -> Result<Self> {
        let path = part_of(csv);
        let mut earlier = Vec::new();
        if reuse && csv.is_file() {
            earlier.extend(read(csv)?);
        }
        let interrupted = if path.is_file() { read(&path)? } else { Vec::new() };
        earlier.extend(interrupted.iter().cloned());
        // Written anew: the last line may have been cut.
        let mut file =
            OpenOptions::new().create(true).write(true).truncate(true).open(&path).at(path.display())?;
        let lines =
            if interrupted.is_empty() { header()? } else { to_csv(&interrupted).map_err(Error::failed)? };
        file.write_all(&lines).and_then(|()| file.flush()).at(path.display())?;
        let place = path.display();
        set_last_words(Some(format!("what was measured is in {place}: the same command goes on from there")));
        Ok(Self { earlier, part: Some((path, file)) })
    }

    /// The row of an earlier run that this measurement would repeat.
    pub(crate) fn find(&self, wanted: &Row) -> Option<&Row> {
        self.earlier.iter().find(|row| {
            let same_file = row.file == wanted.file && row.digest == wanted.digest;
            let same_codec = row.codec == wanted.codec && row.version == wanted.version;
            same_file && same_codec && row.arguments == wanted.arguments && row.target == wanted.target
        })
    }

    /// Keeps rows on disk.
    pub(crate) fn append(&mut self, rows: &[Row]) -> Result<()> {
        let Some((path, file)) = &mut self.part else { return Ok(()) };
        if rows.is_empty() {
            return Ok(());
        }
        let csv = to_csv(rows).map_err(Error::failed)?;
        let lines = csv.iter().position(|&byte| byte == b'\n').map_or(&csv[..], |end| &csv[end + 1..]);
        file.write_all(lines).and_then(|()| file.flush()).at(path.display())
    }

    /// The finished file is there: the journal goes.
    pub(crate) fn finish(self) -> Result<()> {
        let Some((path, _)) = self.part else { return Ok(()) };
        set_last_words(None);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).at(path.display()),
            _ => Ok(()),
        }
    }
}

fn part_of(csv: &Path) -> PathBuf {
    let mut name = csv.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn header() -> Result<Vec<u8>> {
    let csv = to_csv(&[Row::default()]).map_err(Error::failed)?;
    Ok(csv.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default().to_vec())
}

/// Whole lines only; a file without rows is no error here.
fn read(path: &Path) -> Result<Vec<Row>> {
    let bytes = fs::read(path).at(path.display())?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(&bytes[..0], |end| &bytes[..=end]);
    if whole.iter().filter(|&&byte| byte == b'\n').count() < 2 {
        return Ok(Vec::new());
    }
    from_csv(whole).map_err(Error::corrupt).at(path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(file: &str) -> Row {
        Row { file: file.to_owned(), bpp: Some(0.5), ..Row::default() }
    }

    #[test]
    fn whole_lines_of_an_interrupted_run_are_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("r.csv");
        let mut journal = Journal::open(&csv, false).unwrap();
        assert_eq!(journal.find(&row("a")), None);
        journal.append(&[row("a"), row("b")]).unwrap();
        drop(journal);
        let part = part_of(&csv);
        let mut bytes = fs::read(&part).unwrap();
        bytes.truncate(bytes.len() - 3);
        fs::write(&part, bytes).unwrap();

        let mut journal = Journal::open(&csv, false).unwrap();
        assert_eq!(journal.find(&row("a")), Some(&row("a")));
        assert_eq!(journal.find(&row("b")), None);
        assert_eq!(journal.find(&Row { version: "2".to_owned(), ..row("a") }), None);
        journal.append(&[row("b")]).unwrap();
        drop(journal);
        let journal = Journal::open(&csv, false).unwrap();
        assert!(journal.find(&row("a")).is_some() && journal.find(&row("b")).is_some());
        journal.finish().unwrap();
        assert!(!part.exists());
    }

    #[test]
    fn a_finished_file_is_used_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let csv = folder.path().join("r.csv");
        fs::write(&csv, to_csv(&[row("a")]).unwrap()).unwrap();
        assert!(Journal::open(&csv, false).unwrap().find(&row("a")).is_none());
        assert!(Journal::open(&csv, true).unwrap().find(&row("a")).is_some());
    }
}
