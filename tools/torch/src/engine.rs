//! `--backend` and `--device`: libtorch as the engine of the float networks.

use clap::ValueEnum;
use std::sync::Arc;
use wavern::Kind;
use wavern::internals::engine::Transforms;
use wavern::internals::weights;
use wavern::{Error, Tune};
use wavern_cli::extension::Backend as Extended;
use wavern_torch::Device;
use wavern_torch::backend::TorchTransforms;

/// Which engine runs the float networks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Backend {
    /// The codec's own.
    #[default]
    Plain,
    /// libtorch.
    Torch,
}

#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Args {
    /// Engine that runs the float networks; probabilities are exact integers with both
    #[arg(long, value_enum, default_value_t)]
    backend: Backend,

    /// Where libtorch runs: cpu, cuda or cuda:N; a missing device is an error
    #[arg(long, value_name = "DEVICE", value_parser = parse_device, default_value = "cpu")]
    device: Device,
}

impl Default for Args {
    fn default() -> Self {
        Self { backend: Backend::Plain, device: Device::Cpu }
    }
}

impl Extended for Args {
    fn transforms(&self, kind: Kind, tune: Tune) -> Result<Option<Arc<dyn Transforms>>, Error> {
        match self.backend {
            Backend::Plain if self.device == Device::Cpu => Ok(None),
            Backend::Plain => Err(Error::Option {
                option: "--device",
                problem: "the plain engine runs on the cpu only".into(),
            }),
            Backend::Torch => {
                Ok(Some(Arc::new(TorchTransforms::new(weights::built_in(kind, tune)?, self.device)?)))
            }
        }
    }

    fn to_arguments(&self) -> Vec<String> {
        let backend = match self.backend {
            Backend::Plain => "plain",
            Backend::Torch => "torch",
        };
        let device = match self.device {
            Device::Cuda(index) => format!("cuda:{index}"),
            _ => "cpu".to_owned(),
        };
        vec!["--backend".to_owned(), backend.to_owned(), "--device".to_owned(), device]
    }
}

/// `cpu`, `cuda`, `cuda:1`.
pub(crate) fn parse_device(text: &str) -> Result<Device, String> {
    match text.split_once(':') {
        None if text == "cpu" => Ok(Device::Cpu),
        None if text == "cuda" => Ok(Device::Cuda(0)),
        Some(("cuda", index)) => {
            index.parse().map(Device::Cuda).map_err(|_| format!("{index} is not the number of a CUDA device"))
        }
        _ => Err("expected cpu, cuda or cuda:N".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_have_names() {
        assert_eq!(parse_device("cpu"), Ok(Device::Cpu));
        assert_eq!(parse_device("cuda"), Ok(Device::Cuda(0)));
        assert_eq!(parse_device("cuda:3"), Ok(Device::Cuda(3)));
        for wrong in ["", "gpu", "cuda:", "cuda:x", "cpu:0"] {
            assert!(parse_device(wrong).is_err(), "{wrong}");
        }
    }
}
