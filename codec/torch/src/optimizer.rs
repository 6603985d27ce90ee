//! Adam with a moving average of the weights; all state can be saved, so that training resumes exactly.

use crate::params::Params;
use std::collections::BTreeMap;
use tch::{Kind, Tensor, no_grad};

const BETA1: f64 = 0.9;
const BETA2: f64 = 0.99;
const EPSILON: f64 = 1e-8;

/// Adam (Kingma and Ba, 1412.6980) without weight decay.
#[derive(Debug)]
pub struct Adam {
    moments: BTreeMap<String, (Tensor, Tensor)>,
    step: i64,
}

impl Adam {
    /// Zero moments for every parameter.
    pub fn new(params: &Params) -> Self {
        let zeros = |t: &Tensor| (t.zeros_like().detach(), t.zeros_like().detach());
        Self { moments: params.iter().map(|(n, t)| (n.clone(), zeros(t))).collect(), step: 0 }
    }

    /// Updates taken.
    pub fn steps(&self) -> i64 {
        self.step
    }

    /// One update from the gradients in `params`, their joint norm clipped to `clip`; gradients are cleared.
    ///
    /// Returns the norm before clipping; an update with a norm that is not finite is skipped.
    pub fn step(&mut self, params: &Params, rate: f64, clip: f64) -> f64 {
        no_grad(|| {
            let active: Vec<(&String, &Tensor, Tensor)> = params
                .iter()
                .filter(|(_, t)| t.requires_grad())
                .map(|(n, t)| (n, t, t.grad()))
                .filter(|(_, _, g)| g.defined())
                .collect();
            let norms: Vec<Tensor> = active.iter().map(|(_, _, g)| g.norm()).collect();
            if norms.is_empty() {
                return 0.0;
            }
            let norm = Tensor::stack(&norms, 0).norm().double_value(&[]);
            if norm.is_finite() {
                self.step += 1;
                let scale = (clip / (norm + 1e-12)).min(1.0);
                let correction1 = 1.0 - BETA1.powi(self.step as i32);
                let correction2 = 1.0 - BETA2.powi(self.step as i32);
                for (name, tensor, gradient) in &active {
                    let gradient = gradient * scale;
                    let (m, v) = self.moments.get_mut(*name).expect("moments exist for every parameter");
                    let _ = m.g_mul_scalar_(BETA1).g_add_(&(&gradient * (1.0 - BETA1)));
                    let _ = v.g_mul_scalar_(BETA2).g_add_(&(&gradient * &gradient * (1.0 - BETA2)));
                    let denominator = (&*v / correction2).sqrt() + EPSILON;
                    let _ = tensor.shallow_clone().g_sub_(&(&*m / denominator * (rate / correction1)));
                }
            }
            for (_, _, mut gradient) in active {
                let _ = gradient.zero_();
            }
            norm
        })
    }

    /// All state, for a checkpoint.
    pub fn collect(&self, prefix: &str, out: &mut Vec<(String, Tensor)>) {
        for (name, (m, v)) in &self.moments {
            out.push((format!("{prefix}m.{name}"), m.to_device(tch::Device::Cpu)));
            out.push((format!("{prefix}v.{name}"), v.to_device(tch::Device::Cpu)));
        }
        out.push((format!("{prefix}step"), Tensor::from_slice(&[self.step])));
    }

    /// Restores [`Self::collect`]; parameters without saved moments start from zero.
    pub fn restore(&mut self, prefix: &str, from: &BTreeMap<String, Tensor>) {
        for (name, (m, v)) in &mut self.moments {
            let device = m.device();
            if let (Some(saved_m), Some(saved_v)) =
                (from.get(&format!("{prefix}m.{name}")), from.get(&format!("{prefix}v.{name}")))
            {
                *m = saved_m.to_device(device);
                *v = saved_v.to_device(device);
            }
        }
        if let Some(step) = from.get(&format!("{prefix}step")) {
            self.step = step.int64_value(&[0]);
        }
    }
}

/// `average ← average + (1 − decay)(params − average)`, with a shorter memory in the first steps.
pub fn average(average: &Params, params: &Params, decay: f64, step: i64) {
    let decay = decay.min((1.0 + step as f64) / (10.0 + step as f64));
    no_grad(|| {
        for ((_, a), (_, p)) in average.iter().zip(params.iter()) {
            let _ = a.shallow_clone().g_add_(&((p - a) * (1.0 - decay)));
        }
    });
}

/// A scalar as f64.
pub fn value(t: &Tensor) -> f64 {
    t.to_kind(Kind::Double).double_value(&[])
}
