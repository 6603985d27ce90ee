//! Named parameters: as tensors of their own, and as parts of one.

use std::collections::BTreeMap;
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

/// All trainable values in one tensor, so that an update and an average are a few operations however many layers there
/// are.
#[derive(Debug)]
pub struct Flat {
    values: Tensor,
    spans: Vec<Span>,
}

/// Where a parameter lies in a [`Flat`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// Name of the parameter.
    pub name: String,
    /// First value.
    pub start: i64,
    /// Shape.
    pub shape: Vec<i64>,
}

impl Span {
    /// This part of a flat tensor, in the parameter's shape; shares its memory.
    pub fn of(&self, flat: &Tensor) -> Tensor {
        flat.narrow(0, self.start, self.len()).view(self.shape.as_slice())
    }

    fn len(&self) -> i64 {
        self.shape.iter().product()
    }
}

impl Flat {
    /// A copy of all parameters, in order of name.
    pub fn new(params: &Params) -> Self {
        let (mut spans, mut start) = (Vec::new(), 0);
        for (name, tensor) in params.iter() {
            let span = Span { name: name.clone(), start, shape: tensor.size() };
            start += span.len();
            spans.push(span);
        }
        let parts: Vec<Tensor> = params.iter().map(|(_, t)| t.detach().reshape([-1])).collect();
        Self { values: Tensor::cat(&parts, 0).set_requires_grad(true), spans }
    }

    /// The values: a leaf that gradients gather in.
    pub fn values(&self) -> &Tensor {
        &self.values
    }

    /// Where each parameter lies.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The parameters as parts of the flat tensor: one operation for autograd, whose way back is one concatenation.
    /// To be taken anew after every update. Those whose names start with one of `frozen` get no gradient.
    pub fn params(&self, frozen: &[&str]) -> Params {
        let lengths: Vec<i64> = self.spans.iter().map(Span::len).collect();
        let parts = self.values.split_with_sizes(lengths.as_slice(), 0);
        let part = |(span, part): (&Span, Tensor)| {
            let part = part.view(span.shape.as_slice());
            let stopped = frozen.iter().any(|prefix| span.name.starts_with(prefix));
            (span.name.clone(), if stopped { part.detach() } else { part })
        };
        let tensors = self.spans.iter().zip(parts).map(part).collect();
        Params { tensors, device: self.values.device() }
    }

    /// 1 for every value that is trained and 0 for those of parameters whose names start with one of `frozen`.
    pub fn mask(&self, frozen: &[&str]) -> Tensor {
        let mask = self.values.detach().ones_like();
        for span in self.spans.iter().filter(|s| frozen.iter().any(|prefix| s.name.starts_with(prefix))) {
            let _ = span.of(&mask).zero_();
        }
        mask
    }
}
