//! Named parameters.

use std::collections::BTreeMap;
use std::path::Path;
use tch::{Device, Kind, Tensor};

/// Trainable tensors by name, f32. The names are those of the weight file.
#[derive(Debug)]
pub struct Params {
    tensors: BTreeMap<String, Tensor>,
    device: Device,
}

impl Params {
    /// An empty set on `device`.
    pub fn new(device: Device) -> Self {
        Self { tensors: BTreeMap::new(), device }
    }

    /// Where the tensors live.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Adds or replaces a trainable tensor.
    pub fn set(&mut self, name: &str, value: &Tensor) {
        let value = value.to_device(self.device).to_kind(Kind::Float).contiguous().detach().copy();
        self.tensors.insert(name.to_owned(), value.set_requires_grad(true));
    }

    /// A tensor by name.
    ///
    /// # Panics
    /// If there is none: the set is always built from the configuration that asks.
    pub fn get(&self, name: &str) -> &Tensor {
        self.tensors.get(name).unwrap_or_else(|| panic!("no parameter named {name}"))
    }

    /// A tensor by name, if there is one.
    pub fn find(&self, name: &str) -> Option<&Tensor> {
        self.tensors.get(name)
    }

    /// All tensors in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&String, &Tensor)> {
        self.tensors.iter()
    }

    /// Number of trainable values.
    pub fn count(&self) -> i64 {
        self.tensors.values().map(|t| t.numel() as i64).sum()
    }

    /// A copy that shares nothing.
    pub fn duplicate(&self) -> Self {
        let mut copy = Self::new(self.device);
        for (name, tensor) in &self.tensors {
            copy.set(name, tensor);
        }
        copy
    }

    /// Stops or resumes gradients of every tensor whose name starts with one of `prefixes`.
    pub fn freeze(&mut self, prefixes: &[&str], frozen: bool) {
        for (name, tensor) in &mut self.tensors {
            if prefixes.iter().any(|p| name.starts_with(p)) {
                let _ = tensor.requires_grad_(!frozen);
            }
        }
    }

    /// Writes all tensors under `prefix` into `out`.
    pub fn collect(&self, prefix: &str, out: &mut Vec<(String, Tensor)>) {
        out.extend(
            self.tensors.iter().map(|(n, t)| (format!("{prefix}{n}"), t.detach().to_device(Device::Cpu))),
        );
    }

    /// Replaces the values of all tensors by those under `prefix`; shapes must agree.
    ///
    /// # Errors
    /// Names a tensor that is missing or has another shape.
    pub fn restore(&mut self, prefix: &str, from: &BTreeMap<String, Tensor>) -> Result<(), String> {
        let names: Vec<String> = self.tensors.keys().cloned().collect();
        for name in names {
            let value = from
                .get(&format!("{prefix}{name}"))
                .ok_or_else(|| format!("checkpoint lacks {prefix}{name}"))?;
            if value.size() != self.get(&name).size() {
                return Err(format!(
                    "{prefix}{name} has shape {:?}, not {:?}",
                    value.size(),
                    self.get(&name).size()
                ));
            }
            self.set(&name, value);
        }
        Ok(())
    }
}

/// Reads a safetensors checkpoint.
///
/// # Errors
/// If the file cannot be read.
pub fn read_checkpoint(path: &Path) -> Result<BTreeMap<String, Tensor>, tch::TchError> {
    Ok(Tensor::read_safetensors(path)?.into_iter().collect())
}

/// Writes a safetensors checkpoint beside `path` and renames it into place.
///
/// # Errors
/// If the file cannot be written.
pub fn write_checkpoint(path: &Path, tensors: &[(String, Tensor)]) -> Result<(), Box<dyn std::error::Error>> {
    let temporary = path.with_extension("partial");
    Tensor::write_safetensors(tensors, &temporary)?;
    std::fs::rename(temporary, path)?;
    Ok(())
}
