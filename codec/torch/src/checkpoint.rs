//! Checkpoints: the state of a training run in a safetensors file, whole, in parts, or slim.
//!
//! | tensor | what |
//! | --- | --- |
//! | `config` | the model, JSON as bytes |
//! | `params.*`, `average.*` | parameters, and their moving average |
//! | `optimizer.*` | moments and bases |
//! | `minutes`, `crops` | of training, and crops seen |
//! | `schedule`, `began` | how the learning rate goes, and the minute at which that began |

use crate::params::Params;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use tch::{Kind, Tensor};
use wavern::internals::network::ModelConfig;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Largest part of a checkpoint in parts.
pub const PART: usize = 16 << 20;
/// What a slim checkpoint begins with.
const SLIM: &[u8; 8] = b"wvnslim1";
/// No slim checkpoint is larger than this when it is unpacked.
const SLIM_LIMIT: u64 = 1 << 30;

/// Reads a checkpoint: whole, in parts (`path.00`, `path.01` …), or slim.
///
/// # Errors
/// If the file cannot be read.
pub fn read(path: &Path) -> Result<BTreeMap<String, Tensor>> {
    if path.exists() {
        let mut start = [0; SLIM.len()];
        let mut file = std::fs::File::open(path)?;
        if file.read(&mut start)? == SLIM.len() && start == *SLIM {
            return read_slim(file);
        }
        return Ok(Tensor::read_safetensors(path)?.into_iter().collect());
    }
    let parts: Vec<PathBuf> = (0..).map(|index| part(path, index)).take_while(|part| part.exists()).collect();
    if parts.is_empty() {
        return Err(format!("{}: no such file, and no parts of it", path.display()).into());
    }
    let whole = path.with_extension("joined");
    let mut file = std::fs::File::create(&whole)?;
    for part in &parts {
        std::io::copy(&mut std::fs::File::open(part)?, &mut file)?;
    }
    drop(file);
    let tensors = Tensor::read_safetensors(&whole);
    std::fs::remove_file(&whole)?;
    Ok(tensors?.into_iter().collect())
}

/// Writes a checkpoint beside `path` and renames it into place.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    let temporary = path.with_extension("partial");
    Tensor::write_safetensors(tensors, &temporary)?;
    std::fs::rename(temporary, path)?;
    Ok(())
}

/// Writes a checkpoint as files of at most [`PART`] bytes; what was at `path` stays.
///
/// # Errors
/// If a file cannot be written.
pub fn write_parts(path: &Path, tensors: &[(String, Tensor)]) -> Result<()> {
    let whole = path.with_extension("whole");
    Tensor::write_safetensors(tensors, &whole)?;
    for (index, bytes) in std::fs::read(&whole)?.chunks(PART).enumerate() {
        std::fs::write(part(path, index), bytes)?;
    }
    std::fs::remove_file(whole)?;
    Ok(())
}

fn part(path: &Path, index: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{index:02}"));
    name.into()
}

/// The averages alone, rounded to bf16 and packed: what a run can start from, in a fifth of a float's bytes for each.
/// Exponents and signs are packed apart from mantissas, which hold next to nothing that packs.
///
/// # Errors
/// If a tensor is none that a checkpoint has.
pub fn slim(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>> {
    let mut index = BTreeMap::new();
    let (mut high, mut low) = (Vec::new(), Vec::new());
    for (name, tensor) in tensors.iter().filter(|(name, _)| name.starts_with("average.")) {
        index.insert(name, tensor.size());
        let values = Vec::<f32>::try_from(&tensor.to_kind(Kind::Float).contiguous().view([-1]))?;
        for value in values {
            let [l, h] = half::bf16::from_f32(value).to_le_bytes();
            high.push(h);
            low.push(l);
        }
    }
    let config = match tensors.get("config") {
        Some(config) => serde_json::from_slice::<serde_json::Value>(&bytes_of(config)?)?,
        None => serde_json::Value::Null,
    };
    let head = serde_json::json!({
        "config": config,
        "tensors": index,
        "minutes": number(tensors, "minutes"),
        "crops": number(tensors, "crops"),
    });
    let head = serde_json::to_vec(&head)?;
    let mut packed = ZlibEncoder::new(SLIM.to_vec(), Compression::best());
    packed.write_all(&(head.len() as u32).to_le_bytes())?;
    packed.write_all(&head)?;
    packed.write_all(&high)?;
    packed.write_all(&low)?;
    Ok(packed.finish()?)
}

fn read_slim(file: std::fs::File) -> Result<BTreeMap<String, Tensor>> {
    let mut bytes = Vec::new();
    ZlibDecoder::new(file).take(SLIM_LIMIT).read_to_end(&mut bytes)?;
    let cut = "a slim checkpoint ends too early";
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or(cut)?;
    let (head, mut values) = rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or(cut)?;
    let head: serde_json::Value = serde_json::from_slice(head)?;
    let index: BTreeMap<String, Vec<i64>> = serde_json::from_value(head["tensors"].clone())?;
    let half = values.len() / 2;
    let mut low = values.split_off(half..).ok_or(cut)?;
    let mut tensors = BTreeMap::new();
    for (name, shape) in index {
        let count =
            shape.iter().try_fold(1usize, |n, &s| n.checked_mul(usize::try_from(s).ok()?)).ok_or(cut)?;
        let (h, l) = (values.split_off(..count).ok_or(cut)?, low.split_off(..count).ok_or(cut)?);
        let floats: Vec<f32> =
            l.iter().zip(h).map(|(&l, &h)| half::bf16::from_le_bytes([l, h]).to_f32()).collect();
        tensors.insert(name, Tensor::from_slice(&floats).view(shape.as_slice()));
    }
    for name in ["minutes", "crops"] {
        let value = head[name].as_f64().unwrap_or(0.0);
        tensors.insert(name.to_owned(), Tensor::from_slice(&[value]));
    }
    if !head["config"].is_null() {
        tensors.insert("config".to_owned(), Tensor::from_slice(&serde_json::to_vec(&head["config"])?));
    }
    Ok(tensors)
}

/// A number of a checkpoint, 0 if it has none of this name.
pub fn number(tensors: &BTreeMap<String, Tensor>, name: &str) -> f64 {
    tensors.get(name).map_or(0.0, |t| t.double_value(&[0]))
}

/// The model of a checkpoint, if it says which; older ones do not.
///
/// # Errors
/// If it is none that this version knows.
pub fn config(tensors: &BTreeMap<String, Tensor>) -> Result<Option<ModelConfig>> {
    tensors.get("config").map(|bytes| Ok(serde_json::from_slice(&bytes_of(bytes)?)?)).transpose()
}

/// [`config`] as a tensor.
///
/// # Errors
/// If it cannot be written as JSON.
pub fn config_tensor(config: &ModelConfig) -> Result<(String, Tensor)> {
    Ok(("config".to_owned(), Tensor::from_slice(&serde_json::to_vec(config)?)))
}

fn bytes_of(tensor: &Tensor) -> Result<Vec<u8>> {
    Ok(Vec::<u8>::try_from(tensor)?)
}

/// The averaged parameters of a checkpoint.
pub fn averages(tensors: &BTreeMap<String, Tensor>) -> Params {
    let mut params = Params::new(tch::Device::Cpu);
    for (name, tensor) in tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix("average.")?, t))) {
        params.set(name, tensor);
    }
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_survives_whole_in_parts_and_slim() {
        let folder = std::env::temp_dir().join(format!("wavern-checkpoint-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("run.ckpt");
        // More than one part.
        let weights = Tensor::randn([5, 1000, 1000], (Kind::Float, tch::Device::Cpu));
        let tensors = vec![
            config_tensor(&ModelConfig::image()).unwrap(),
            ("average.a".to_owned(), weights.shallow_clone()),
            ("minutes".to_owned(), Tensor::from_slice(&[12.5])),
        ];
        let check = |read: &BTreeMap<String, Tensor>| {
            assert_eq!(config(read).unwrap().unwrap(), ModelConfig::image());
            assert_eq!(read["minutes"].double_value(&[0]), 12.5);
            let error = (averages(read).get("a") - &weights).abs().max() / weights.abs().max();
            assert!(error.double_value(&[]) < 1.0 / 256.0);
        };
        write(&path, &tensors).unwrap();
        let whole = read(&path).unwrap();
        check(&whole);
        write_parts(&path, &tensors).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(folder.join("run.ckpt.01").exists() && !folder.join("run.ckpt.02").exists());
        assert!(std::fs::metadata(folder.join("run.ckpt.00")).unwrap().len() == PART as u64);
        let joined = read(&path).unwrap();
        check(&joined);
        assert!(joined["average.a"].equal(&weights));
        std::fs::write(&path, slim(&whole).unwrap()).unwrap();
        check(&read(&path).unwrap());
        assert!(std::fs::metadata(&path).unwrap().len() < 9_500_000);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
