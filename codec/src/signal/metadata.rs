//! What travels beside a signal.

use std::fmt;

/// Bytes that describe a signal and are kept as they are: never interpreted, never changed.
///
/// ```
/// let metadata = wavern::Metadata::default().with_xmp(b"<x:xmpmeta/>".to_vec());
/// assert_eq!(metadata.bytes(), 12);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metadata {
    /// ICC colour profile.
    pub icc: Option<Vec<u8>>,
    /// EXIF block, beginning with the TIFF header (`II*\0` or `MM\0*`).
    pub exif: Option<Vec<u8>>,
    /// XMP packet (XML text).
    pub xmp: Option<Vec<u8>>,
    /// Image resources of Photoshop, each beginning with `8BIM`; resource 0x0404 is IPTC-IIM.
    pub iptc: Option<Vec<u8>>,
    /// What else describes a picture, in the form of PNG's ancillary chunks: four letters of the type, then the
    /// content. Density (`pHYs`), colour (`cICP`, `mDCv`, `cLLi`, `gAMA`, `cHRM`, `sRGB`), text (`tEXt`, `zTXt`,
    /// `iTXt`), a date (`tIME`) and so on, whatever the format that the picture came from.
    pub png: Vec<Vec<u8>>,
    /// RIFF chunks of a WAV file other than its format and its samples (`LIST`, `bext`, `cue `, …), in file order.
    /// Each holds the four-character id, the length (u32, little endian) and that many bytes, without the pad byte.
    pub riff: Vec<Vec<u8>>,
    /// What describes a sound, in the form of FLAC's metadata blocks: the type of a block (1 byte), then its content.
    /// Vorbis comments (4), pictures (6), a cue sheet (5), data of applications (2), whatever the format that the sound
    /// came from.
    pub flac: Vec<Vec<u8>>,
}

impl Metadata {
    /// With this [ICC profile](Self::icc).
    pub fn with_icc(mut self, icc: Vec<u8>) -> Self {
        self.icc = Some(icc);
        self
    }

    /// With this [EXIF block](Self::exif).
    pub fn with_exif(mut self, exif: Vec<u8>) -> Self {
        self.exif = Some(exif);
        self
    }

    /// With this [XMP packet](Self::xmp).
    pub fn with_xmp(mut self, xmp: Vec<u8>) -> Self {
        self.xmp = Some(xmp);
        self
    }

    /// With these [image resources](Self::iptc).
    pub fn with_iptc(mut self, iptc: Vec<u8>) -> Self {
        self.iptc = Some(iptc);
        self
    }

    /// With one more [chunk of a PNG](Self::png).
    pub fn with_png_chunk(mut self, kind: [u8; 4], content: &[u8]) -> Self {
        self.png.push([&kind, content].concat());
        self
    }

    /// With these [RIFF chunks](Self::riff).
    pub fn with_riff(mut self, riff: Vec<Vec<u8>>) -> Self {
        self.riff = riff;
        self
    }

    /// With one more [block of a FLAC](Self::flac).
    pub fn with_flac_block(mut self, kind: u8, content: &[u8]) -> Self {
        self.flac.push([&[kind], content].concat());
        self
    }

    /// The content of the first [chunk of a PNG](Self::png) of this type.
    pub fn png_chunk(&self, kind: [u8; 4]) -> Option<&[u8]> {
        self.png.iter().find_map(|chunk| chunk.strip_prefix(&kind))
    }

    /// True if nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.bytes() == 0
    }

    /// Sum of the lengths of everything kept.
    pub fn bytes(&self) -> u64 {
        let single = [&self.icc, &self.exif, &self.xmp, &self.iptc].into_iter().flatten();
        single.chain(&self.png).chain(&self.riff).chain(&self.flac).map(|block| block.len() as u64).sum()
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blocks = f.debug_struct("Metadata");
        for (name, block) in [
            ("icc_bytes", &self.icc),
            ("exif_bytes", &self.exif),
            ("xmp_bytes", &self.xmp),
            ("iptc_bytes", &self.iptc),
        ] {
            if let Some(block) = block {
                blocks.field(name, &block.len());
            }
        }
        for (name, list) in [("png_bytes", &self.png), ("riff_bytes", &self.riff), ("flac_bytes", &self.flac)]
        {
            if !list.is_empty() {
                blocks.field(name, &list.iter().map(Vec::len).collect::<Vec<_>>());
            }
        }
        blocks.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_is_counted() {
        let full = Metadata::default()
            .with_icc(vec![1; 1])
            .with_exif(vec![2; 2])
            .with_xmp(vec![3; 4])
            .with_iptc(vec![4; 8])
            .with_png_chunk(*b"pHYs", &[5; 12])
            .with_riff(vec![vec![6; 32]])
            .with_flac_block(4, &[7; 63]);
        assert_eq!((full.bytes(), full.is_empty()), (127, false));
        assert_eq!((full.png_chunk(*b"pHYs"), full.png_chunk(*b"cICP")), (Some(&[5; 12][..]), None));
        assert!(Metadata::default().is_empty());
    }
}
