//! Adam and SOAP on one flat tensor, and a moving average of the weights. All state can be saved, so that training goes
//! on exactly where it stopped.
//!
//! SOAP (Vyas et al., 2409.11321) is Adam in other coordinates: those of the eigenvectors of each matrix's mean G Gᵀ
//! and Gᵀ G. So there is one update here, and [`Bases`] turns gradients into it and steps out of it.

mod bases;

use crate::params::Flat;
pub use bases::Bases;
use std::collections::BTreeMap;
use tch::{Kind, Tensor, no_grad};

const EPSILON: f64 = 1e-8;
/// Norm that gradients are clipped to, in means of clipped norms, and steps that the mean goes back.
const UNUSUAL: f64 = 2.0;
const MEMORY: f64 = 100.0;

/// Which optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Kingma and Ba, 1412.6980; β = 0.9, 0.99.
    Adam,
    /// Adam in the eigenbases of every matrix's gradients; β = 0.95, 0.95.
    Soap,
}

impl Method {
    fn betas(self) -> (f64, f64) {
        match self {
            Self::Adam => (0.9, 0.99),
            Self::Soap => (0.95, 0.95),
        }
    }
}

/// Moments of all parameters, without weight decay.
#[derive(Debug)]
pub struct Optimizer {
    method: Method,
    first: Tensor,
    second: Tensor,
    bases: Option<Bases>,
    step: i64,
    /// Mean of clipped norms; infinite before the first.
    usual: Tensor,
}

impl Optimizer {
    /// Zero moments.
    pub fn new(method: Method, flat: &Flat) -> Self {
        let zeros = || flat.values().detach().zeros_like();
        let bases = (method == Method::Soap).then(|| Bases::new(flat));
        let usual = Tensor::full([], f64::INFINITY, (Kind::Float, flat.values().device()));
        Self { method, first: zeros(), second: zeros(), bases, step: 0, usual }
    }

    /// Updates taken.
    pub fn steps(&self) -> i64 {
        self.step
    }

    /// One update from the gradient in `flat`, its norm clipped to `clip` and to twice the mean; the gradient is
    /// cleared. `mask` is 0 where values stay as they are.
    ///
    /// Returns the norm before clipping, on the device, so that nothing waits for it. A gradient whose norm is not
    /// finite counts as zero.
    pub fn step(&mut self, flat: &Flat, rate: f64, clip: f64, mask: Option<&Tensor>) -> Tensor {
        no_grad(|| {
            let mut gradient = flat.values().grad();
            let norm = gradient.norm();
            // What bursts in a single spot of a crop can be a thousand times the rest of a large batch.
            let limit = (&self.usual * UNUSUAL).clamp_max(clip);
            let scale = (&limit / (&norm + 1e-12)).clamp_max(1.0).nan_to_num(0.0, 0.0, 0.0);
            self.usual = self
                .usual
                .minimum(&limit)
                .lerp(&norm.nan_to_num(0.0, 0.0, 0.0).minimum(&limit), 1.0 / MEMORY);
            let mut g = gradient.nan_to_num(0.0, 0.0, 0.0) * scale;
            let _ = gradient.zero_();
            self.step += 1;
            if let Some(bases) = &mut self.bases {
                bases.gather(&g);
                if self.step == 1 {
                    // No step before there are bases to take it in.
                    bases.find(&mut self.first, &mut self.second);
                    return norm;
                }
                bases.enter(&mut g);
            }
            let (beta1, beta2) = self.method.betas();
            let _ = self.first.lerp_(&g, 1.0 - beta1);
            let _ = self.second.lerp_(&g.square(), 1.0 - beta2);
            let corrections = (1.0 - beta1.powi(self.step as i32), 1.0 - beta2.powi(self.step as i32));
            let mut update = &self.first / ((&self.second / corrections.1).sqrt() + EPSILON);
            if let Some(bases) = &mut self.bases {
                bases.leave(&mut update);
                if bases.are_due(self.step) {
                    bases.find(&mut self.first, &mut self.second);
                }
            }
            if let Some(mask) = mask {
                update *= mask;
            }
            let mut values = flat.values().detach();
            let _ = values.g_sub_(&(update * (rate / corrections.0)));
            norm
        })
    }

    /// All state, for a checkpoint.
    pub fn collect(&self, out: &mut Vec<(String, Tensor)>) {
        let cpu = |t: &Tensor| t.to_device(tch::Device::Cpu);
        out.push(("optimizer.first".to_owned(), cpu(&self.first)));
        out.push(("optimizer.second".to_owned(), cpu(&self.second)));
        out.push(("optimizer.usual".to_owned(), cpu(&self.usual)));
        out.push(("optimizer.step".to_owned(), Tensor::from_slice(&[self.step])));
        if let Some(bases) = &self.bases {
            bases.collect("optimizer.bases.", out);
        }
    }

    /// Restores [`Self::collect`]. State of another method, or of other parameters, is left alone: the optimizer starts
    /// anew.
    pub fn restore(&mut self, from: &BTreeMap<String, Tensor>) {
        let saved = |name: &str| from.get(name).filter(|t| t.numel() == self.first.numel());
        let (Some(first), Some(second)) = (saved("optimizer.first"), saved("optimizer.second")) else {
            return;
        };
        let device = self.first.device();
        let bases = from.keys().any(|name| name.starts_with("optimizer.bases."));
        if bases != self.bases.is_some()
            || !self.bases.as_mut().is_none_or(|b| b.restore("optimizer.bases.", from))
        {
            return;
        }
        (self.first, self.second) = (first.to_device(device), second.to_device(device));
        if let Some(usual) = from.get("optimizer.usual") {
            self.usual = usual.to_device(device);
        }
        self.step = from.get("optimizer.step").map_or(0, |t| t.int64_value(&[0]));
    }
}

/// `average ← average + (1 − decay)(params − average)`, with a shorter memory in the first steps.
pub fn average(average: &Flat, params: &Flat, decay: f64, step: i64) {
    let decay = decay.min((1.0 + step as f64) / (10.0 + step as f64));
    no_grad(|| {
        let mut mean = average.values().detach();
        let _ = mean.lerp_(&params.values().detach(), 1.0 - decay);
    });
}

/// A scalar as f64.
pub fn value(t: &Tensor) -> f64 {
    t.to_kind(Kind::Double).double_value(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use tch::Device;

    /// ½ |A (W − W₀) B|², badly scaled along directions that are no axes.
    fn problem() -> (Params, impl Fn(&Params) -> Tensor) {
        tch::manual_seed(3);
        let options = (Kind::Float, Device::Cpu);
        let mut params = Params::new(Device::Cpu);
        params.set("bias", &Tensor::zeros([5], options));
        params.set("weight", &Tensor::zeros([24, 16], options));
        let stretched = |n: i64| {
            let (q, _) = Tensor::linalg_qr(&Tensor::randn([n, n], options), "reduced");
            let scales = (Tensor::arange(n, options) * (-4.0 / n as f64)).exp();
            q * scales
        };
        let (a, b) = (stretched(24).tr(), stretched(16));
        let target = Tensor::randn([24, 16], options);
        let loss = move |p: &Params| {
            let error = a.matmul(&(p.get("weight") - &target)).matmul(&b);
            error.square().sum(Kind::Float) + p.get("bias").square().sum(Kind::Float)
        };
        (params, loss)
    }

    fn train(method: Method, steps: i64) -> f64 {
        let (params, loss) = problem();
        let flat = Flat::new(&params);
        let mut optimizer = Optimizer::new(method, &flat);
        for step in 0..steps {
            let loss = loss(&flat.params(&[]));
            loss.backward();
            let _ = optimizer.step(&flat, 0.1 * (1.0 - step as f64 / steps as f64), 1e9, None);
        }
        value(&loss(&flat.params(&[])))
    }

    #[test]
    fn both_descend_and_soap_is_faster_where_axes_do_not_fit() {
        let (params, loss) = problem();
        let start = value(&loss(&params));
        let [adam, soap] = [Method::Adam, Method::Soap].map(|method| train(method, 120));
        assert!(adam < 0.1 * start && soap < 0.5 * adam, "{start} → {adam}, {soap}");
    }

    #[test]
    fn training_goes_on_exactly_and_frozen_values_stay() {
        for method in [Method::Adam, Method::Soap] {
            let (params, loss) = problem();
            let flat = Flat::new(&params);
            let mask = flat.mask(&["bias"]);
            let _ = flat.spans()[0].of(&flat.values().detach()).fill_(1.0);
            let mut optimizer = Optimizer::new(method, &flat);
            let run = |flat: &Flat, optimizer: &mut Optimizer, steps: usize| {
                for _ in 0..steps {
                    loss(&flat.params(&["bias"])).backward();
                    let _ = optimizer.step(flat, 0.05, 1.0, Some(&mask));
                }
            };
            run(&flat, &mut optimizer, 13);
            let mut saved = Vec::new();
            optimizer.collect(&mut saved);
            let saved = saved.into_iter().map(|(name, tensor)| (name, tensor.copy())).collect();
            let copy = Flat::new(&flat.params(&[]));
            let mut resumed = Optimizer::new(method, &copy);
            resumed.restore(&saved);
            run(&flat, &mut optimizer, 14);
            run(&copy, &mut resumed, 14);
            assert_eq!(resumed.steps(), 27);
            assert!(flat.values().equal(copy.values()), "{method:?}");
            assert!(flat.spans()[0].of(flat.values()).eq(1.0).all().int64_value(&[]) == 1);
        }
    }

    #[test]
    fn a_gradient_that_is_no_number_changes_nothing() {
        let mut params = Params::new(Device::Cpu);
        params.set("a", &Tensor::ones([3], (Kind::Float, Device::Cpu)));
        let flat = Flat::new(&params);
        let mut optimizer = Optimizer::new(Method::Adam, &flat);
        (flat.params(&[]).get("a").log() * f64::NAN).sum(Kind::Float).backward();
        let norm = optimizer.step(&flat, 0.1, 1.0, None);
        assert!(!value(&norm).is_finite());
        assert!(flat.values().eq(1.0).all().int64_value(&[]) == 1);
    }
}
