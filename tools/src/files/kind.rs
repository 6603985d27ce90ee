//! Which kind of file this is: by its first bytes when reading, by its name or by option when writing.

use crate::error::{Error, Result};
use std::fmt;
use std::path::Path;

/// What an input holds, recognised by its content alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// A picture in a format that can be read.
    Image(PictureFormat),
    /// RIFF, RF64 or BW64 with a WAVE inside.
    Wav,
    /// FLAC, Ogg, MP3, AIFF, M4A or CAF, or any of them behind a tag.
    Sound,
    /// A Wavern stream.
    Wavern,
}

/// A format of pictures that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // their names say it
pub enum PictureFormat {
    Png,
    Jpeg,
    Webp,
    Tiff,
    Bmp,
    Pnm,
    Gif,
    Qoi,
    Jxl,
}

impl PictureFormat {
    /// Its name for the user.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Webp => "WebP",
            Self::Tiff => "TIFF",
            Self::Bmp => "BMP",
            Self::Pnm => "PNM",
            Self::Gif => "GIF",
            Self::Qoi => "QOI",
            Self::Jxl => "JPEG XL",
        }
    }

    /// By the first bytes of a file.
    fn of(bytes: &[u8]) -> Option<Self> {
        let starts = |magic: &[u8]| bytes.starts_with(magic);
        // Portable maps 1 to 6 and the arbitrary map 7, with white space behind.
        let pnm =
            matches!(bytes, [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace() || *space == b'#');
        Some(match bytes {
            _ if starts(b"\x89PNG\r\n\x1a\n") => Self::Png,
            _ if starts(b"\xff\xd8\xff") => Self::Jpeg,
            _ if starts(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") => Self::Webp,
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Self::Tiff,
            _ if starts(b"BM") => Self::Bmp,
            _ if pnm => Self::Pnm,
            _ if starts(b"GIF87a") || starts(b"GIF89a") => Self::Gif,
            _ if starts(b"qoif") => Self::Qoi,
            _ if starts(b"\xff\x0a") || starts(b"\0\0\0\x0cJXL ") => Self::Jxl,
            _ => return None,
        })
    }
}

/// Formats people may well try, recognised so that an error can name them.
const KNOWN_UNREADABLE: [(usize, &[u8], &str); 42] = [
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC (HEIF)"),
    (4, b"ftyphev", "HEIC (HEIF)"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypmsf1", "HEIF"),
    (4, b"ftypcrx ", "camera raw (CR3)"),
    (8, b"CR\x02", "camera raw (CR2)"),
    (0, b"IIU\0", "camera raw (RW2)"),
    (0, b"IIRO", "camera raw (ORF)"),
    (0, b"IIRS", "camera raw (ORF)"),
    (0, b"MMOR", "camera raw (ORF)"),
    (0, b"FUJIFILMCCD-RAW", "camera raw (RAF)"),
    (0, b"II\x1a\0\0\0HEAPCCDR", "camera raw (CRW)"),
    (0, b"\0MRM", "camera raw (MRW)"),
    (0, b"FOVb", "camera raw (X3F)"),
    (0, b"\x76\x2f\x31\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"#?RGBE", "Radiance HDR"),
    (0, b"8BPS", "PSD"),
    (0, b"Pf\n", "PFM"),
    (0, b"PF\n", "PFM"),
    (0, b"\0\0\x01\0", "ICO"),
    (0, b"DDS ", "DDS"),
    (0, b"%PDF", "PDF"),
    (0, b"<svg", "SVG"),
    (0, b"\x8aMNG", "MNG"),
    (4, b"ftyp", "MP4"),
    (0, b"\x1A\x45\xDF\xA3", "Matroska"),
    (0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11", "WMA"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
    (0, b"DSD ", "DSD"),
    (0, b".snd", "AU"),
    (0, b"#!AMR", "AMR"),
    (0, b"\xFF\xF1", "AAC without a container"),
    (0, b"\xFF\xF9", "AAC without a container"),
    (0, b"\xFF\xFD", "MP2"),
    (0, b"\xFF\xFC", "MP2"),
    (0, b"\x0B\x77", "AC-3"),
];

impl InputKind {
    /// Looks at the first bytes.
    pub fn of(bytes: &[u8]) -> Result<Self> {
        if bytes.starts_with(&wavern_bitstream::SIGNATURE) {
            return Ok(Self::Wavern);
        }
        if is_wave(bytes) {
            return Ok(Self::Wav);
        }
        let aiff = bytes.starts_with(b"FORM") && matches!(bytes.get(8..12), Some(b"AIFF" | b"AIFC"));
        // An MPEG frame begins with eleven set bits; layer 3 is 01.
        let mpeg = matches!(bytes, [0xFF, b, ..] if b & 0xE6 == 0xE2);
        let marks = [&b"fLaC"[..], b"OggS", b"ID3", b"caff"];
        if aiff || mpeg || is_m4a(bytes) || marks.iter().any(|mark| bytes.starts_with(mark)) {
            return Ok(Self::Sound);
        }
        let known = KNOWN_UNREADABLE
            .iter()
            .find(|(at, magic, _)| bytes.get(*at..).is_some_and(|b| b.starts_with(magic)));
        if known.is_none()
            && let Some(format) = PictureFormat::of(bytes)
        {
            return Ok(Self::Image(format));
        }
        if bytes.is_empty() {
            return Err(Error::corrupt("the file is empty"));
        }
        let what = match known {
            Some((_, _, name)) => format!("{name} is not a format that can be read"),
            None => "not a known picture or sound".to_owned(),
        };
        Err(Error::unsupported(format!(
            "{what} (expected PNG, JPEG, WebP, TIFF, BMP, PNM, GIF, QOI, JPEG XL, WAV, FLAC, Ogg, MP3, AIFF, M4A, CAF or Wavern)"
        )))
    }
}

/// Whether this is an MP4 that may hold sound alone: its brand is none of pictures.
fn is_m4a(bytes: &[u8]) -> bool {
    const BRANDS: [&[u8]; 8] = [b"M4A", b"M4B", b"mp4", b"isom", b"iso", b"3gp", b"dash", b"qt  "];
    bytes.get(4..8) == Some(b"ftyp")
        && bytes.get(8..12).is_some_and(|brand| BRANDS.iter().any(|known| brand.starts_with(known)))
}

/// Whether a file that begins so is a WAV, or one of its kinds with longer lengths.
pub(super) fn is_wave(head: &[u8]) -> bool {
    matches!(head.get(..4), Some(b"RIFF" | b"RF64" | b"BW64")) && head.get(8..12) == Some(b"WAVE")
}

/// Extensions of pictures, sounds and films that a .wvn file must not bear.
const FOREIGN: [&str; 44] = [
    "aac", "aif", "aifc", "aiff", "apng", "avif", "bmp", "exr", "flac", "gif", "hdr", "heic", "heif", "ico",
    "jfif", "jp2", "jpe", "jpeg", "jpg", "jxl", "m4a", "mkv", "mov", "mp3", "mp4", "oga", "ogg", "opus",
    "pam", "pbm", "pdf", "pgm", "png", "pnm", "ppm", "qoi", "svg", "tif", "tiff", "wav", "wave", "webm",
    "webp", "wma",
];

/// Whether a file of this name is meant as a picture or a sound, although it may not be one that can be read.
pub fn is_media_name(path: &Path) -> bool {
    const NEITHER: [&str; 6] = ["mkv", "mov", "mp4", "pdf", "svg", "webm"];
    let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    foreign_extension(path).is_some_and(|extension| !NEITHER.contains(&extension.as_str())) && !is_hidden
}

/// The extension of a path, if it is that of another format.
pub fn foreign_extension(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_string_lossy().to_ascii_lowercase();
    FOREIGN.contains(&extension.as_str()).then_some(extension)
}

/// A format to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[non_exhaustive]
pub enum OutputFormat {
    /// PNG: gray or colour, alpha, 8 or 16 bits, ICC, EXIF, XMP
    Png,
    /// PGM, PPM or PAM, whichever holds the picture: no metadata
    Pnm,
    /// Portable graymap (P5)
    Pgm,
    /// Portable pixmap (P6)
    Ppm,
    /// Portable arbitrary map (P7), alpha too
    Pam,
    /// Lossless WebP: 8 bits, ICC, EXIF, XMP
    Webp,
    /// Uncompressed TIFF: 8 or 16 bits, ICC, EXIF as its own tags, XMP, IPTC
    Tiff,
    /// JPEG, at --jpeg-quality: 8 bits, no alpha; ICC, EXIF, XMP, IPTC
    #[value(alias = "jpg")]
    Jpeg,
    /// BMP: 8 bits, no metadata but density
    Bmp,
    /// WAV with the sample format of the original
    Wav,
    /// FLAC: integers of up to 24 bits, tags and covers
    Flac,
    /// AIFF with the sample format of the original
    Aiff,
}

impl OutputFormat {
    /// The extension of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Pnm => "pnm",
            Self::Pgm => "pgm",
            Self::Ppm => "ppm",
            Self::Pam => "pam",
            Self::Webp => "webp",
            Self::Tiff => "tif",
            Self::Jpeg => "jpg",
            Self::Bmp => "bmp",
            Self::Wav => "wav",
            Self::Flac => "flac",
            Self::Aiff => "aiff",
        }
    }

    /// Whether it is one of sounds.
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Wav | Self::Flac | Self::Aiff)
    }

    /// The format that a file of this name should have.
    pub fn from_path(path: &Path) -> Result<Self> {
        let extension =
            path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        Ok(match extension.as_str() {
            "png" => Self::Png,
            "pnm" => Self::Pnm,
            "pgm" => Self::Pgm,
            "ppm" => Self::Ppm,
            "pam" => Self::Pam,
            "webp" => Self::Webp,
            "tif" | "tiff" => Self::Tiff,
            "jpg" | "jpeg" | "jpe" | "jfif" => Self::Jpeg,
            "bmp" => Self::Bmp,
            "wav" | "wave" => Self::Wav,
            "flac" => Self::Flac,
            "aif" | "aiff" | "aifc" => Self::Aiff,
            _ => {
                let what = if extension.is_empty() {
                    "no extension".into()
                } else {
                    format!("extension .{extension}")
                };
                let expected = "expected .png, .pnm, .pgm, .ppm, .pam, .webp, .tif, .jpg, .bmp, .wav, .flac or .aiff, or --format";
                return Err(Error::usage(format!("{what} does not name a format to write ({expected})")));
            }
        })
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Png => "PNG",
            Self::Pnm => "PNM",
            Self::Pgm => "PGM",
            Self::Ppm => "PPM",
            Self::Pam => "PAM",
            Self::Webp => "WebP",
            Self::Tiff => "TIFF",
            Self::Jpeg => "JPEG",
            Self::Bmp => "BMP",
            Self::Wav => "WAV",
            Self::Flac => "FLAC",
            Self::Aiff => "AIFF",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn content_decides() {
        assert_eq!(InputKind::of(b"\x89PNG\r\n\x1a\n...."), Ok(InputKind::Image(PictureFormat::Png)));
        assert_eq!(InputKind::of(b"RIFF\x04\0\0\0WEBPVP8 "), Ok(InputKind::Image(PictureFormat::Webp)));
        assert_eq!(InputKind::of(b"RIFF\x04\0\0\0WAVE"), Ok(InputKind::Wav));
        assert_eq!(InputKind::of(b"RF64\xff\xff\xff\xffWAVEds64"), Ok(InputKind::Wav));
        for sound in [
            &b"fLaC\0\0\0\x22"[..],
            b"OggS\0",
            b"ID3\x04",
            b"\xff\xfb\x90",
            b"FORM\0\0\0\0AIFF",
            b"caff",
            b"\0\0\0 ftypM4A ",
        ] {
            assert_eq!(InputKind::of(sound), Ok(InputKind::Sound));
        }
        assert_eq!(InputKind::of(&wavern_bitstream::SIGNATURE), Ok(InputKind::Wavern));
    }

    #[test]
    fn a_format_that_cannot_be_read_is_named() {
        for (bytes, name) in [(&b"\0\0\0\x1cftypavif"[..], "AVIF"), (b"\0\0\0\x1cftypheic", "HEIC")] {
            let error = InputKind::of(bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(
                error.to_string().starts_with(name)
                    && error.to_string().contains("is not a format that can be read"),
                "{error}"
            );
        }
        assert!(InputKind::of(b"hello").unwrap_err().to_string().starts_with("not a known picture or sound"));
        assert_eq!(InputKind::of(b"").unwrap_err().kind(), ErrorKind::Corrupt);
    }

    #[test]
    fn an_extension_is_foreign_or_not() {
        assert_eq!(foreign_extension(Path::new("a/b.PNG")).as_deref(), Some("png"));
        for own in ["a.wvn", "a", "-", "a.bin", "/dev/null"] {
            assert_eq!(foreign_extension(Path::new(own)), None);
        }
    }

    #[test]
    fn the_name_decides_what_is_written() {
        assert_eq!(OutputFormat::from_path(Path::new("a/b.TIFF")), Ok(OutputFormat::Tiff));
        assert_eq!(OutputFormat::from_path(Path::new("b.JPG")), Ok(OutputFormat::Jpeg));
        let error = OutputFormat::from_path(Path::new("a.gif")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("extension .gif does not name a format"), "{error}");
    }
}
