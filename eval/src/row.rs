//! One measurement: a file, a codec and a setting in, bytes, distortion and time out; as CSV and back.

use crate::Error;
use serde::{Deserialize, Serialize};

/// One file through one codec at one setting. Pictures have `bpp`, sounds `kbps`; a cell without meaning is empty.
///
/// Times and memory are of whole processes that read a file and write one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Row {
    /// Name of the original, from the folder that was given on.
    pub file: String,
    /// The first 12 hexadecimal digits of the BLAKE3 hash of the original.
    pub digest: String,
    /// Pixels of a row.
    pub width: Option<u32>,
    /// Rows of a picture.
    pub height: Option<u32>,
    /// Samples a second.
    pub sample_rate: Option<u32>,
    /// Channels of a sound.
    pub channels: Option<u32>,
    /// Samples of each channel.
    pub frames: Option<u64>,
    /// Short name of the codec, such as `avif`.
    pub codec: String,
    /// Version of the codec, in the words of its tool.
    pub version: String,
    /// The rate that was aimed at, bpp or kbit/s; empty if a setting was asked for.
    pub target: Option<f64>,
    /// The quality, distance or bit rate (kbit/s) that the encoder was given.
    pub setting: Option<f64>,
    /// Options of the encoder.
    pub arguments: String,
    /// Bytes of the coded file.
    pub bytes: u64,
    /// Bits per pixel.
    pub bpp: Option<f64>,
    /// Thousands of bits per second.
    pub kbps: Option<f64>,
    /// Bits for each sample of each channel; only without loss, where all samples were found to be the same.
    pub bps: Option<f64>,
    /// PSNR over all colour channels, dB.
    pub psnr: Option<f64>,
    /// PSNR of luma (BT.601), dB.
    pub psnr_y: Option<f64>,
    /// MS-SSIM, 0..=1.
    pub ms_ssim: Option<f64>,
    /// SSIMULACRA2, at most 100.
    pub ssimulacra2: Option<f64>,
    /// Butteraugli distance, 3-norm over the picture; lower is better.
    pub butteraugli: Option<f64>,
    /// Butteraugli distance where it is largest.
    pub butteraugli_max: Option<f64>,
    /// SI-SDR, dB.
    pub si_sdr: Option<f64>,
    /// Log-spectral distance, dB; lower is better.
    pub lsd: Option<f64>,
    /// Distance of mel spectra; lower is better.
    pub mel: Option<f64>,
    /// ViSQOL in audio mode, MOS-LQO 1..=5.
    pub visqol: Option<f64>,
    /// Zimtohrli, MOS 1..=5.
    pub zimtohrli: Option<f64>,
    /// Samples by which the decoded sound came late, before that was compensated for.
    pub delay: Option<i64>,
    /// Seconds of the encoder.
    pub encode_s: Option<f64>,
    /// Seconds of the encoder on all cores together.
    pub encode_cpu_s: Option<f64>,
    /// Largest resident memory of the encoder, MiB.
    pub encode_mib: Option<f64>,
    /// Seconds of the decoder.
    pub decode_s: Option<f64>,
    /// Seconds of the decoder on all cores together.
    pub decode_cpu_s: Option<f64>,
    /// Largest resident memory of the decoder, MiB.
    pub decode_mib: Option<f64>,
}

impl Row {
    /// Bits per pixel, or thousands of bits per second.
    pub fn rate(&self) -> Option<f64> {
        self.bpp.or(self.kbps)
    }

    /// Whether this is a picture: they have bits per pixel.
    pub fn is_image(&self) -> bool {
        self.bpp.is_some()
    }

    /// What was asked for: rows of one codec with equal goals make one point of its mean curve.
    pub fn goal(&self) -> Option<f64> {
        self.target.or(self.setting)
    }

    /// How much signal there is: megapixels, or seconds.
    pub fn extent(&self) -> Option<f64> {
        match (self.width, self.height, self.sample_rate, self.frames) {
            (Some(width), Some(height), _, _) => Some(f64::from(width) * f64::from(height) / 1e6),
            (_, _, Some(rate), Some(frames)) => Some(frames as f64 / f64::from(rate)),
            _ => None,
        }
    }

    /// What a file is called without its folder and extension: rows of equal names are about the same file.
    pub fn stem(&self) -> &str {
        let name = self.file.rsplit(['/', '\\']).next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// Rows as CSV with a line of names.
///
/// # Errors
/// [`Error::Output`] if a row cannot be written.
pub fn to_csv(rows: &[Row]) -> Result<Vec<u8>, Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in rows {
        writer.serialize(row).map_err(Error::output)?;
    }
    writer.into_inner().map_err(Error::output)
}

/// Rows from CSV. Columns are found by name; those that are missing are empty, others are passed over. A column
/// `quality` or `bitrate` stands for a missing `setting`.
///
/// # Errors
/// [`Error::Malformed`] if it is not such CSV.
pub fn from_csv(bytes: &[u8]) -> Result<Vec<Row>, Error> {
    let mut reader = csv::Reader::from_reader(bytes);
    let names = reader.headers().map_err(Error::malformed)?.clone();
    let others: Vec<usize> = ["quality", "bitrate"]
        .iter()
        .filter_map(|name| names.iter().position(|cell| cell == *name))
        .collect();
    let mut rows = Vec::new();
    for record in reader.into_records() {
        let record = record.map_err(Error::malformed)?;
        let mut row: Row = record.deserialize(Some(&names)).map_err(Error::malformed)?;
        let other = || others.iter().find_map(|&at| record.get(at)?.parse().ok());
        row.setting = row.setting.or_else(other);
        rows.push(row);
    }
    if rows.iter().all(|row| row.rate().is_none()) {
        return Err(Error::malformed("no rates (expected a column bpp or kbps)"));
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_comes_back() {
        let row = Row {
            file: "folder/a, \"b\".png".to_owned(),
            codec: "avif".to_owned(),
            setting: Some(0.5),
            bpp: Some(1.0 / 3.0),
            psnr: Some(f64::INFINITY),
            delay: Some(-3),
            bytes: u64::MAX,
            ..Row::default()
        };
        let csv = to_csv(&[row.clone(), row.clone()]).unwrap();
        assert_eq!(from_csv(&csv).unwrap(), [row.clone(), row]);
    }

    #[test]
    fn foreign_columns_do_not_matter_and_settings_have_other_names() {
        let read = from_csv(b"name,quality,bitrate,bpp,psnr\njpeg,10,,0.5,33\njpeg,,64000,1,36\n").unwrap();
        assert_eq!((read[1].bpp, read[1].psnr, read[1].kbps), (Some(1.0), Some(36.0), None));
        assert_eq!((read[0].setting, read[1].setting), (Some(10.0), Some(64_000.0)));
        assert!(from_csv(b"a,b\n1,2\n").unwrap_err().to_string().starts_with("no rates"));
        assert!(from_csv(b"bpp\nmuch\n").is_err());
    }

    #[test]
    fn the_stem_is_the_name_without_folder_and_extension() {
        let row = |file: &str| Row { file: file.to_owned(), ..Row::default() };
        assert_eq!(row("a.b/c.d.png").stem(), "c.d");
        assert_eq!(row("plain").stem(), "plain");
    }
}
