//! The float networks of a weight file on libtorch, behind the codec's [`Transforms`].

use crate::export;
use crate::layers::{self, Levels};
use crate::params::Params;
use std::sync::Mutex;
use tch::{Device, Kind, Tensor};
use wavern::Array;
use wavern::Error;
use wavern::internals::engine::Transforms;
use wavern::internals::network::{Layer, ModelConfig};
use wavern::internals::quality::Level;
use wavern::internals::quality::STEPS;
use wavern::internals::weight_file;
use wavern_bitstream::WeightsId;

/// g_a, h_a and g_s of one weight file on one device, in f32.
#[derive(Debug)]
pub struct TorchTransforms {
    id: WeightsId,
    config: ModelConfig,
    // Tensors are not to be shared between threads without a lock.
    params: Mutex<Params>,
}

impl TorchTransforms {
    /// Reads the float tensors of a weight file.
    ///
    /// # Errors
    /// [`Error::Weights`] if the file is not a weight file, [`Error::Backend`] if the device is not there.
    pub fn new(bytes: &[u8], device: Device) -> Result<Self, Error> {
        available(device)?;
        let (config, params) = export::parameters(bytes, device)?;
        Ok(Self { id: weight_file::id_of(bytes), config, params: Mutex::new(params) })
    }

    fn run(&self, name: &str, layers: &[Layer], x: Array<f32>, level: Level) -> Result<Array<f32>, Error> {
        let params = self.params.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let [h, w, c] = x.shape();
        if h * w == 0 {
            let channels = layers.iter().try_fold(c, |c, layer| layer.outputs(c));
            let channels =
                channels.ok_or_else(|| Error::Backend(format!("{name} does not take {c} channels")))?;
            return Ok(Array::zeros([h, w, channels]));
        }
        let fail = |e: tch::TchError| Error::Backend(e.to_string());
        tch::no_grad(|| {
            let input = Tensor::f_from_slice(x.data()).map_err(fail)?.view([1, h as i64, w as i64, c as i64]);
            let position = f64::from(level.0) / f64::from(STEPS);
            let levels = Levels::new(&[position], self.config.lambdas.len(), params.device());
            let input = input.f_to_device(params.device()).map_err(fail)?;
            let output = layers::forward(&params, name, layers, &input, &levels, Kind::Float);
            let shape: Vec<usize> = output.size()[1..].iter().map(|&n| n as usize).collect();
            let flat = output.contiguous().view([-1]).f_to_device(Device::Cpu).map_err(fail)?;
            let data = Vec::<f32>::try_from(&flat).map_err(fail)?;
            Ok(Array::from_vec([shape[0], shape[1], shape[2]], data))
        })
    }
}

impl Transforms for TorchTransforms {
    fn weights(&self) -> WeightsId {
        self.id
    }

    fn analysis(&self, packets: Array<f32>) -> Result<Array<f32>, Error> {
        self.run("analysis", &self.config.analysis, packets, Level::default())
    }

    fn hyper_analysis(&self, y: Array<f32>) -> Result<Array<f32>, Error> {
        self.run("hyper_analysis", &self.config.hyper_analysis, y, Level::default())
    }

    fn synthesis(&self, y_hat: Array<f32>, level: Level) -> Result<Array<f32>, Error> {
        self.run("synthesis", &self.config.synthesis, y_hat, level)
    }
}

/// Makes sure that a requested device is there: never fall back to another one in silence.
///
/// # Errors
/// [`Error::Backend`] naming the device.
pub fn available(device: Device) -> Result<(), Error> {
    match device {
        Device::Cuda(index) => {
            crate::cuda::load_library();
            let count = tch::Cuda::device_count();
            if (index as i64) < count {
                Ok(())
            } else {
                Err(Error::Backend(format!("device cuda:{index} is not there ({count} CUDA devices found)")))
            }
        }
        Device::Cpu => Ok(()),
        other => Err(Error::Backend(format!("device {other:?} is not supported (cpu or cuda[:N])"))),
    }
}
