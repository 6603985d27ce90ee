//! Curves of other codecs, to compare with: CSV, or the JSON result files of CompressAI.

use crate::{Error, Row, from_csv, table};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Rows of one codec from elsewhere: measurements by file, or a finished mean curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// What to call it.
    pub name: String,
    /// Its points.
    pub rows: Vec<Row>,
}

impl Curve {
    /// The curves of a file: JSON as CompressAI writes it has one, CSV one for each codec it names. `name` is for those
    /// that have none of their own.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the bytes are neither.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Vec<Self>, Error> {
        let mut curves = if bytes.trim_ascii_start().starts_with(b"{") {
            Self::from_json(bytes, name)?
        } else {
            Self::from_csv(bytes, name)?
        };
        // Points of a finished curve stay apart in tables and charts: each is a goal of its own.
        for curve in &mut curves {
            for (place, row) in curve.rows.iter_mut().enumerate() {
                if row.file.is_empty() && row.goal().is_none() {
                    row.setting = Some(place as f64);
                }
            }
        }
        Ok(curves)
    }

    fn from_csv(bytes: &[u8], name: &str) -> Result<Vec<Self>, Error> {
        let rows = from_csv(bytes)?;
        let codecs: Vec<String> = table::codecs(&rows).into_iter().map(str::to_owned).collect();
        let of = |codec: String| {
            let rows = rows.iter().filter(|row| row.codec == codec).cloned().collect();
            let name = if codec.is_empty() { name.to_owned() } else { codec };
            Self { name, rows }
        };
        Ok(codecs.into_iter().map(of).collect())
    }

    /// `{"name": "...", "results": {"bpp": [...], "psnr-rgb": [...], "ms-ssim-rgb": [...]}}`, as in the folder
    /// `results` of CompressAI. Lists of equal length; columns that are not known are passed over.
    fn from_json(bytes: &[u8], name: &str) -> Result<Vec<Self>, Error> {
        #[derive(Deserialize)]
        struct File {
            name: Option<String>,
            results: BTreeMap<String, serde_json::Value>,
        }
        let file: File = serde_json::from_slice(bytes).map_err(Error::malformed)?;
        let column = |names: &[&str]| -> Result<Option<Vec<f64>>, Error> {
            let Some(name) = names.iter().find(|name| file.results.contains_key(**name)) else {
                return Ok(None);
            };
            let values = serde_json::from_value(file.results[*name].clone());
            values.map(Some).map_err(|error| Error::malformed(format!("results, {name}: {error}")))
        };
        let rates = column(&["bpp"])?.ok_or_else(|| Error::malformed("no rates (expected a list bpp)"))?;
        let psnr = column(&["psnr-rgb", "psnr"])?;
        let ms_ssim = column(&["ms-ssim-rgb", "ms-ssim"])?;
        for (column, values) in [("psnr-rgb", &psnr), ("ms-ssim-rgb", &ms_ssim)] {
            if let Some(length) = values.as_ref().map(Vec::len).filter(|&length| length != rates.len()) {
                let expected = rates.len();
                return Err(Error::malformed(format!(
                    "results, {column}: {length} values (expected {expected})"
                )));
            }
        }
        let at = |values: &Option<Vec<f64>>, index: usize| values.as_ref().map(|values| values[index]);
        let row = |(index, &rate): (usize, &f64)| Row {
            bpp: Some(rate),
            psnr: at(&psnr, index),
            ms_ssim: at(&ms_ssim, index),
            ..Row::default()
        };
        let rows = rates.iter().enumerate().map(row).collect();
        Ok(vec![Self { name: file.name.unwrap_or_else(|| name.to_owned()), rows }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_file_of_compressai_is_a_curve() {
        let json = br#"{"name": "vtm", "description": "", "results":
            {"bpp": [0.1, 0.2], "psnr-rgb": [28.5, 30.0], "ms-ssim-rgb": [0.93, 0.95], "encoding_time": [1, 2]}}"#;
        let [curve] = &Curve::parse(json, "file").unwrap()[..] else { panic!("one curve") };
        assert_eq!((curve.name.as_str(), curve.rows.len()), ("vtm", 2));
        assert_eq!(
            (curve.rows[1].bpp, curve.rows[1].psnr, curve.rows[1].ms_ssim),
            (Some(0.2), Some(30.0), Some(0.95))
        );
    }

    #[test]
    fn malformed_results_say_what_is_wrong() {
        let error = |json: &str| Curve::parse(json.as_bytes(), "x").unwrap_err().to_string();
        assert_eq!(error(r#"{"results": {"psnr": [1]}}"#), "no rates (expected a list bpp)");
        let lengths = error(r#"{"results": {"bpp": [1, 2], "psnr": [1]}}"#);
        assert_eq!(lengths, "results, psnr-rgb: 1 values (expected 2)");
        assert!(error(r#"{"results": {"bpp": ["much"]}}"#).starts_with("results, bpp: "));
    }

    #[test]
    fn a_csv_has_a_curve_for_each_codec() {
        let curves = Curve::parse(b"codec,bpp,psnr\njpeg,0.5,33\nwebp,0.4,33\njpeg,1,36\n", "x").unwrap();
        let names: Vec<_> = curves.iter().map(|curve| (curve.name.as_str(), curve.rows.len())).collect();
        assert_eq!(names, [("jpeg", 2), ("webp", 1)]);
        let nameless = Curve::parse(b"bpp,psnr\n0.5,33\n1,36\n", "x").unwrap();
        assert_eq!((nameless.len(), nameless[0].name.as_str()), (1, "x"));
        assert_eq!(crate::means(&nameless[0].rows).len(), 2);
    }
}
